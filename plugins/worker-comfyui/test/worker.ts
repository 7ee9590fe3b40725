/** Starts the adapter in front of the stand-in as a hive would: the command from the plugin, a real process. */
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
  /** With the key of the worker; an object is sent as JSON. */
  fetch(path: string, body?: object, init?: RequestInit): Promise<Response>;
  ready(): Promise<void>;
  /** PID of ComfyUI, told by who listens behind the adapter. */
  failure(wasReady: boolean): Promise<Failure>;
  /** Kills its group if it lives. */
  end(): Promise<void>;
}

export interface WorkerRequest {
  options?: Readonly<Record<string, unknown>>;
  model?: string;
  /** Program that is ComfyUI; with the option `directory` none is needed. */
  program?: string;
  /** Where it works. */
  cwd: string;
}

const key = 'test-key';
const script = join(import.meta.dirname, '../server/main.ts');

export const launchWorker = async ({ options = {}, model, program, cwd }: WorkerRequest): Promise<Worker> => {
  const device = { kind: 'cpu', indices: [] };
  const cpu = plugin.variants.find(({ id }) => id === 'cpu');
  const launch: Launch = {
    id: 'comfyui-test',
    variant: 'cpu',
    device,
    deviceFlags: cpu?.deviceFlags(device) ?? { args: [], env: {} },
    options: { size: '64x64', steps: 4, ...options },
    binary: {
      id: program === undefined ? 'folder' : 'program',
      kind: 'path',
      path: program ?? script,
      argv: [program ?? script],
    },
    models: model === undefined ? {} : { main: model },
    names: ['tiny'],
    host: '127.0.0.1',
    port: await freePort(),
    apiKey: key,
  };
  const { args, env } = plugin.command(launch);
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const log: string[] = [];
  let unfinished = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    log.push(...lines);
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const url = `http://127.0.0.1:${launch.port}`;
  return {
    url,
    child,
    log,
    fetch: (path, body, init = {}) =>
      fetch(url + path, {
        ...(body === undefined
          ? {}
          : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        ...init,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...init.headers,
        },
      }),
    ready: () =>
      until(async () => {
        if (child.exitCode !== null) throw new Error(`it ended:\n${log.join('\n')}`);
        return (await fetch(`${url}/health`).catch(() => undefined))?.status === 200;
      }),
    failure: async (wasReady) => {
      const [code, signal] = await closed;
      return { log: log.slice(-200), exit: { code, signal }, wasReady, binary: { id: launch.binary.id } };
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

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
};
