/** Starts a worker of this type as a hive would: the command from the plugin, a real process, a poll of its health. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Launch } from '@rbee/contract';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';

const plugin = resolveType(type);

export interface Engine {
  /** `onnx` or `whisper-server`. */
  id: string;
  /** The program that the hive would start: ours, or the adapter. */
  script: string;
  /** What `launch.binary.argv` is. */
  argv: readonly string[];
}

const server = join(import.meta.dirname, '../server');
export const onnx: Engine = { id: 'onnx', script: join(server, 'main.ts'), argv: [] };
export const standIn: Engine = {
  id: 'whisper-server',
  script: join(server, 'adapter.ts'),
  argv: [process.execPath, join(import.meta.dirname, 'whisper-server-stand-in.ts')],
};

export interface Worker {
  url: string;
  child: ChildProcess;
  log: readonly string[];
  /** With the key of the worker. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a file and fields to be transcribed; strings in arrays become fields that repeat. */
  transcribe(sound: Buffer | string, fields?: Fields, init?: RequestInit & { path?: string }): Promise<Response>;
  metric(name: string): Promise<number>;
  ended: Promise<{ code: number | null; signal: string | null }>;
  /** As the hive would tell `diagnose`. */
  failure(wasReady: boolean): Promise<Failure>;
  /** Kills it if it lives. */
  end(): Promise<void>;
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export interface WorkerRequest {
  model: string;
  options?: Readonly<Record<string, unknown>>;
  names?: readonly string[];
  port?: number;
  env?: Readonly<Record<string, string>>;
  variant?: string;
}

const key = 'test-key';
const patienceMs = 60_000;

/** Starts the process and waits for nothing. */
export const launchWorker = async (engine: Engine, request: WorkerRequest): Promise<Worker> => {
  const port = request.port ?? (await freePort());
  const variant = plugin.variants.find(({ id }) => id === (request.variant ?? 'cpu'));
  const device = { kind: variant?.id ?? 'cpu', indices: variant?.id === 'cuda' ? [0] : [] };
  const launch: Launch = {
    id: 'whisper-test',
    variant: device.kind,
    device,
    deviceFlags: variant?.deviceFlags(device) ?? { args: [], env: {} },
    options: { threads: 1, ...request.options },
    binary: { id: engine.id, kind: 'path', path: engine.argv.at(-1) ?? engine.script, argv: engine.argv },
    models: { main: request.model },
    names: request.names ?? ['demo', 'demo:latest'],
    host: '127.0.0.1',
    port,
    apiKey: key,
  };
  const command = plugin.command(launch);
  const scratch = mkdtempSync(join(tmpdir(), 'rbee-whisper-worker-'));
  const env = { PATH: process.env['PATH'], TMPDIR: scratch, ...command.env, ...request.env };
  // In a group of its own, as a hive starts it: what is left of the group is killed with it.
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const child = spawn(process.execPath, [engine.script, ...command.args], { env, stdio: [...stdio], detached: true });
  const log: string[] = [];
  let unfinished = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    log.push(...lines);
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as { code: number; signal: string });
  const url = `http://127.0.0.1:${port}`;
  const ask: Worker['fetch'] = (path, init = {}) =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
  return {
    url,
    child,
    log,
    fetch: ask,
    transcribe: (sound, fields = {}, { path = '/v1/audio/transcriptions', ...init } = {}) => {
      const form = new FormData();
      for (const [name, values] of Object.entries(fields)) {
        for (const value of [values].flat()) form.append(name, String(value));
      }
      form.append('file', new Blob([new Uint8Array(Buffer.from(sound))]), 'sound.wav');
      return ask(path, { method: 'POST', body: form, ...init });
    },
    metric: async (name) => {
      const text = await (await ask('/metrics')).text();
      return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
    },
    ended,
    failure: async (wasReady) => {
      const exit = await ended;
      return { log: log.slice(-200), exit, wasReady, binary: { id: engine.id } };
    },
    end: async () => {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // Nobody is left in it.
      }
      await ended;
      rmSync(scratch, { recursive: true, force: true });
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

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** The events of a stream, `[DONE]` as it is. */
export const readEvents = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => block.slice('data: '.length))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));

export interface ErrorAnswer {
  error: { message: string; type: string; param: string | null; code: unknown };
}
