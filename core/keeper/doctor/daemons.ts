/** Queen and hive as processes: are they running, do they answer, does anything prevent them from starting? */
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { readSmallFileSync } from '../../boundary/small-file.ts';
import type { Paths } from '../../config/paths.ts';
import { loadRbeeConf } from '../../config/rbee-conf.ts';
import type { HealthBody } from '../../contract/api/hive-api.ts';
import { tryLock } from '../../lifecycle/fs/instance-lock.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** `queen` is null if it does not answer. */
export const checkQueen = async (paths: Paths, queen: QueenClient | null, version: string): Promise<Check[]> => {
  if (queen === null) return [await checkLock(paths)];
  const health = await queen.get<HealthBody>('/health', { timeoutMs: 5_000 });
  const text = `running (pid ${health.pid}), version ${health.version}`;
  if (health.version === version) return [ok('queen', text)];
  return [warn('queen', `${text}; this is ${version}`, 'rbee queen restart')];
};

/** No answer. If its lock is held anyway, the queen hangs. */
const checkLock = async (paths: Paths): Promise<Check> => {
  const path = join(paths.state, 'queen.lock');
  if (!existsSync(path)) return ok('queen', 'not running; commands start it when needed, or: rbee queen start');
  const lock = await tryLock(path);
  if (lock !== null) {
    lock.release();
    return ok('queen', 'not running; commands start it when needed, or: rbee queen start');
  }
  const pid = readPid(paths.queenPid);
  const who = pid === null ? 'a process' : `process ${pid}`;
  return fail(
    'queen',
    `${who} has locked ${path} but does not answer`,
    'read the log with rbee queen logs, then: rbee queen restart',
  );
};

export const checkPidFiles = (paths: Paths): Check[] =>
  [paths.queenPid, paths.hivePid].flatMap((file): Check[] => {
    if (!existsSync(file)) return [];
    const name = 'PID file';
    const pid = readPid(file);
    if (pid === null)
      return [warn(name, `${file} does not hold a process id`, 'nothing to do: the next start replaces it')];
    if (isAlive(pid)) return [ok(name, `${file} names process ${pid}`)];
    return [
      warn(name, `${file} names process ${pid}, which no longer exists`, 'nothing to do: the next start cleans it up'),
    ];
  });

const readPid = (file: string): number | null => {
  try {
    const text = readSmallFileSync(file).trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Only if the queen is not running; otherwise it uses the port itself. */
export const checkPort = async (paths: Paths): Promise<Check[]> => {
  const { port, bind } = loadRbeeConf(paths).queen;
  if (port === 0) return [];
  const problem = await listening(port, bind);
  if (problem === null) return [ok('port', `${port} is free`)];
  const hint = 'stop the program that listens there, or choose another port in rbee.conf ([queen] port)';
  return [fail('port', `${bind}:${port} cannot be used: ${problem}`, hint)];
};

const listening = (port: number, host: string): Promise<string | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
