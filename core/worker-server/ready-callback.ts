/** Tells the hive that this worker is ready: a POST to its socket, repeated until it is acknowledged. */
import { lstatSync } from 'node:fs';
import { request } from 'node:http';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const firstPauseMs = 50;
const maxPauseMs = 5000;
const answerWithinMs = 5000;

/**
 * Reads `RBEE_READY_SOCKET`, `RBEE_READY_PATH` and `RBEE_READY_TOKEN`, and does nothing if they are not set. Resolves when
 * the hive has answered 2xx, or when `signal` aborts.
 */
export const reportReady = async (
  env: NodeJS.ProcessEnv,
  facts: { pid: number; port: number },
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<void> => {
  const socketPath = env['RBEE_READY_SOCKET'];
  const path = env['RBEE_READY_PATH'];
  if (!socketPath || !path) return;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const problem = await post(socketPath, path, env['RBEE_READY_TOKEN'] ?? '', facts);
    if (problem === undefined) return;
    if (pauseMs === firstPauseMs) log(`the hive has not accepted the ready report yet (${problem}); trying again`);
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, maxPauseMs);
  }
};

/** Returns what went wrong, or undefined. */
const post = (socketPath: string, path: string, token: string, facts: object) =>
  new Promise<string | undefined>((resolve) => {
    if (!isOurs(socketPath)) return resolve(`${socketPath} belongs to another user`);
    const body = JSON.stringify(facts);
    const headers = {
      host: 'localhost',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${token}`,
    };
    const sent = request(
      { socketPath, path, method: 'POST', headers, timeout: answerWithinMs, agent: false },
      (answer) => {
        answer.resume();
        const status = answer.statusCode ?? 0;
        answer.once('close', () => resolve(status >= 200 && status < 300 ? undefined : `it answered ${status}`));
      },
    );
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', (error) => resolve(error.message));
    sent.end(body);
  });

/** The token is only for this user's hive. A missing socket is accepted: the hive may be starting. */
const isOurs = (socketPath: string): boolean =>
  [dirname(socketPath), socketPath].every((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found === undefined || process.geteuid === undefined || found.uid === process.geteuid();
  });
