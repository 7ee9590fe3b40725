/** Starts the stand-in as a hive would: the command from the plugin, a real process, a poll of its health. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Launch } from '@rbee/contract';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';

const plugin = resolveType(type);

export interface Worker {
  url: string;
  child: ChildProcess;
  log: readonly string[];
  /** With the key of the worker. */
  fetch(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
  ready(): Promise<void>;
  /** As the hive would tell `diagnose`. */
  failure(wasReady: boolean): Promise<Failure>;
  /** Kills its group if it lives. */
  end(): Promise<void>;
}

const key = 'test-key';
const script = join(import.meta.dirname, 'vllm-stand-in.ts');

export const launchWorker = async (
  model: string,
  options: Readonly<Record<string, unknown>> = {},
  port?: number,
): Promise<Worker> => {
  const device = { kind: 'cuda', indices: [0] };
  const argv = [process.execPath, script];
  const launch: Launch = {
    id: 'vllm-test',
    variant: 'cuda',
    device,
    deviceFlags: { args: [], env: { CUDA_VISIBLE_DEVICES: '0' } },
    options,
    binary: { id: 'vllm', kind: 'path', path: script, argv },
    models: { main: model },
    names: ['tiny', 'tiny:latest'],
    host: '127.0.0.1',
    port: port ?? (await freePort()),
    apiKey: key,
  };
  const command = plugin.command(launch);
  const env = { PATH: process.env['PATH'], ...command.env };
  const child = spawn(process.execPath, [script, ...command.args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let unfinished = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop() ?? '';
      log.push(...lines);
    });
  }
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const closed = once(child, 'close');
  const url = `http://127.0.0.1:${launch.port}`;
  return {
    url,
    child,
    log,
    fetch: (path, body, init = {}) =>
      fetch(url + path, {
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        ...init,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
      }),
    ready: () =>
      until(async () => {
        if (child.exitCode !== null) throw new Error(`it ended:\n${log.join('\n')}`);
        return (await fetch(`${url}/health`).catch(() => undefined))?.status === 200;
      }),
    failure: async (wasReady) => {
      const [code, signal] = await exited;
      await closed;
      return { log: log.slice(-200), exit: { code, signal }, wasReady, binary: { id: 'vllm' } };
    },
    end: async () => {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // It has ended, with all of its group.
      }
      await closed;
    },
  };
};

/** Polls a condition; a generous deadline, for it says only that the thing happens at all. */
export const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${condition}`);
    await sleep(10);
  }
};

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
};
