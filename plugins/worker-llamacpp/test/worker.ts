/** Starts a worker of this type as a hive would: the command from the plugin, a real process, a poll of its health. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Launch } from '@rbee/contract';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';

const plugin = resolveType(type);

export interface Engine {
  name: string;
  /** `llama-server` or `builtin`. */
  id: string;
  argv: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export const builtin: Engine = {
  name: 'builtin',
  id: 'builtin',
  argv: [process.execPath, join(import.meta.dirname, '../server/main.ts')],
};
export const standIn: Engine = {
  name: 'llama-server stand-in',
  id: 'llama-server',
  argv: [process.execPath, join(import.meta.dirname, 'llama-server-stand-in.ts')],
};

export interface Worker {
  url: string;
  child: ChildProcess;
  log: readonly string[];
  /** With the key of the worker. */
  fetch(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: string | null }>;
  /** As the hive would tell `diagnose`. */
  failure(wasReady: boolean): Promise<Failure>;
  /** Requests that run and wait, by its metrics. */
  load(): Promise<{ running: number; waiting: number }>;
  /** Kills it if it lives. */
  end(): Promise<void>;
}

export interface WorkerRequest {
  model: string;
  options?: Readonly<Record<string, unknown>>;
  names?: readonly string[];
  port?: number;
  env?: Readonly<Record<string, string>>;
  probes?: Readonly<Record<string, unknown>>;
}

const key = 'test-key';
const patienceMs = 60_000;

/** Starts the process and waits for nothing. One thread: more only hinder each other on a busy machine. */
export const launchWorker = async (engine: Engine, request: WorkerRequest): Promise<Worker> => {
  const port = request.port ?? (await freePort());
  const device = { kind: 'cpu', indices: [] };
  const cpu = plugin.variants.find(({ id }) => id === 'cpu');
  const launch: Launch = {
    id: 'llamacpp-test',
    variant: 'cpu',
    device,
    deviceFlags: cpu?.deviceFlags(device) ?? { args: [], env: {} },
    options: { threads: 1, ...request.options },
    binary: { id: engine.id, kind: 'path', path: engine.argv.at(-1) ?? '', argv: engine.argv },
    models: { main: request.model },
    names: request.names ?? ['demo', 'demo:latest'],
    host: '127.0.0.1',
    port,
    apiKey: key,
    ...(request.probes && { probes: request.probes }),
  };
  const command = plugin.command(launch);
  const [program = '', ...first] = engine.argv;
  const env = { PATH: process.env['PATH'], ...engine.env, ...command.env, ...request.env };
  const child = spawn(program, [...first, ...command.args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const log: string[] = [];
  let unfinished = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    log.push(...lines);
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as { code: number; signal: string });
  const url = `http://127.0.0.1:${port}`;
  const ask: Worker['fetch'] = (path, body, init = {}) =>
    fetch(url + path, {
      ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
    });
  return {
    url,
    child,
    log,
    fetch: ask,
    ended,
    failure: async (wasReady) => {
      const exit = await ended;
      return { log: log.slice(-200), exit, wasReady, binary: { id: engine.id } };
    },
    load: async () => {
      const text = await (await ask('/metrics')).text();
      const read = (metric: string | undefined) => Number(new RegExp(`^${metric} (\\d+)`, 'm').exec(text)?.[1]);
      return { running: read(plugin.load.running), waiting: read(plugin.load.waiting) };
    },
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};

/** Starts a worker and waits until it is ready. */
export const startWorker = async (engine: Engine, request: WorkerRequest): Promise<Worker> => {
  const worker = await launchWorker(engine, request);
  await until(async () => {
    if (worker.child.exitCode !== null) throw new Error(`the worker ended:\n${worker.log.join('\n')}`);
    return (await fetch(`${worker.url}/health`).catch(() => undefined))?.status === 200;
  });
  return worker;
};

/** Polls a condition; a generous deadline, for it says only that the thing happens at all. */
export const until = async (condition: () => Promise<boolean> | boolean, pauseMs = 10): Promise<void> => {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${condition}`);
    await sleep(pauseMs);
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

/** The events of a stream, `[DONE]` as it is. */
export const readEvents = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => block.slice('data: '.length))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));
