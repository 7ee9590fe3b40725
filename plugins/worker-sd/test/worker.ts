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
  /** `sd-server` or `builtin`. */
  id: string;
  /** What the hive found. */
  argv: readonly string[];
  /** What it starts in place of that, with the arguments of the plugin. */
  front: readonly string[];
}

export const builtin: Engine = {
  id: 'builtin',
  argv: [process.execPath, join(import.meta.dirname, '../server/main.ts')],
  front: [process.execPath, join(import.meta.dirname, '../server/main.ts')],
};

/** The adapter in front of a program that speaks like sd-server; `flags` are for the stand-in alone. */
export const standIn = (...flags: string[]): Engine => ({
  id: 'sd-server',
  argv: [process.execPath, join(import.meta.dirname, 'sd-server-stand-in.ts'), ...flags],
  front: [process.execPath, join(import.meta.dirname, '../adapter/main.ts')],
});

export interface Worker {
  url: string;
  child: ChildProcess;
  log: readonly string[];
  /** With the key of the worker. */
  fetch(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
  /** Asks for images and expects them. */
  draw(body: object): Promise<ImageAnswer>;
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: string | null }>;
  /** As the hive would tell `diagnose`. */
  failure(wasReady: boolean): Promise<Failure>;
  /** Requests that run and wait, by its metrics. */
  load(): Promise<{ running: number; waiting: number }>;
  /** Kills it if it lives. */
  end(): Promise<void>;
}

export interface ImageAnswer {
  created: number;
  output_format: string;
  size: string;
  data: { b64_json?: string; url?: string; seed: number }[];
  error?: { message: string; type: string; param: string | null; code: string | null };
}

export interface WorkerRequest {
  model: string;
  options?: Readonly<Record<string, unknown>>;
  models?: Readonly<Record<string, string>>;
  env?: Readonly<Record<string, string>>;
  port?: number;
}

const key = 'test-key';
const patienceMs = 60_000;

/** Starts the process and waits for nothing. One thread: more only hinder each other on a busy machine. */
export const launchWorker = async (engine: Engine, request: WorkerRequest): Promise<Worker> => {
  const port = request.port ?? (await quietPort());
  const device = { kind: 'cpu', indices: [] };
  const cpu = plugin.variants.find(({ id }) => id === 'cpu')!;
  const launch: Launch = {
    id: 'sd-test',
    variant: 'cpu',
    device,
    deviceFlags: cpu.deviceFlags(device),
    options: { threads: 1, ...request.options },
    binary: { id: engine.id, kind: 'path', path: engine.argv.at(-1) ?? '', argv: engine.argv },
    models: { main: request.model, ...request.models },
    names: ['demo', 'demo:latest'],
    host: '127.0.0.1',
    port,
    apiKey: key,
  };
  const command = plugin.command(launch);
  const [program = '', ...first] = engine.front;
  const env = { PATH: process.env['PATH'], ...command.env, ...request.env };
  // In a group of its own, as under a hive: what the adapter starts ends with it.
  const child = spawn(program, [...first, ...command.args], {
    env,
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
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as { code: number; signal: string });
  const url = `http://127.0.0.1:${port}`;
  const ask: Worker['fetch'] = (path, body, init = {}) => {
    const isForm = body instanceof FormData;
    const sent = isForm || typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(url + path, {
      ...(body === undefined ? {} : { method: 'POST', body: sent }),
      ...init,
      headers: {
        authorization: `Bearer ${key}`,
        ...(isForm ? {} : { 'content-type': 'application/json' }),
        ...init.headers,
      },
    });
  };
  return {
    url,
    child,
    log,
    fetch: ask,
    draw: async (body) => {
      const answer = (await (await ask('/v1/images/generations', body)).json()) as ImageAnswer;
      if (answer.error !== undefined) throw new Error(answer.error.message);
      return answer;
    },
    ended,
    failure: async (wasReady) => {
      const exit = await ended;
      return { log: log.slice(-200), exit, wasReady, binary: { id: engine.id } };
    },
    load: async () => {
      const text = await (await ask('/metrics')).text();
      const read = (metric: string) => Number(new RegExp(`^${metric} (\\d+)`, 'm').exec(text)?.[1]);
      return { running: read(plugin.load.running), waiting: read(plugin.load.waiting!) };
    },
    end: async () => {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // Nobody is left in it.
      }
      await ended;
    },
  };
};

/** A free port below those that the system gives to whoever asks for any, such as the clients of other tests. */
const quietPort = async (): Promise<number> => {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 8000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (!isFree) continue;
    await once(server, 'close');
    return port;
  }
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

export interface StreamedEvent {
  /** The `event:` line. */
  name: string | undefined;
  /** The object of the data, or `[DONE]` as it is. */
  data: ImageEvent;
}

export interface ImageEvent {
  type: string;
  step?: number;
  steps?: number;
  b64_json?: string;
  partial_image_index?: number;
  size?: string;
  error?: { message: string };
}

export const readEvents = async (response: Response): Promise<(StreamedEvent | '[DONE]')[]> =>
  (await response.text())
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => {
      const data = /^data: (.*)$/m.exec(block)?.[1] ?? '';
      return data === '[DONE]'
        ? data
        : { name: /^event: (.*)$/m.exec(block)?.[1], data: JSON.parse(data) as ImageEvent };
    });

export const bytesOf = ({ data }: ImageAnswer, index = 0): Buffer => Buffer.from(data[index]?.b64_json ?? '', 'base64');
