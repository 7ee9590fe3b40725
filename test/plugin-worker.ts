/**
 * Runs a worker as a hive does: the plugin supplies the command line, the worker is a real process, and its health
 * endpoint says when it is ready. For the tests of the plugins.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import type { Failure, Launch } from '@rbee/contract';
import type { ResolvedType } from '../core/conformance/index.ts';
import { freePort } from '../core/worker-server/free-port.ts';
import { until as waitUntil } from './harness/until.ts';

export { resolveType } from '../core/conformance/index.ts';

/** Polls often: looking at a worker is cheap, and what a test waits for may not last long. */
export const until: typeof waitUntil = (look, options) => waitUntil(look, { maxBackoffMs: 20, ...options });

export interface TestWorker {
  url: string;
  child: ChildProcess;
  /** Complete lines of stdout and stderr so far. */
  log: readonly string[];
  /** Sends the worker's API key. A text body is sent as it is, a form as multipart, anything else as JSON. */
  fetch(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
  /** Resolves once the worker is healthy; rejects with its log if it exits first. */
  ready(): Promise<void>;
  /** How the process exited. */
  ended: Promise<{ code: number | null; signal: string | null }>;
  /** Waits for the exit and returns what a hive passes to `diagnose`. */
  failure(wasReady: boolean): Promise<Failure>;
  /** One value of `/metrics`; NaN if the metric is absent. */
  metric(name: string): Promise<number>;
  /** Running and waiting requests, as the plugin's `load` reads them. */
  load(): Promise<{ running: number; waiting: number }>;
  /** Kills the process group. Safe to call twice. */
  end(): Promise<void>;
}

export interface TestLaunch {
  type: ResolvedType;
  /** Program and leading arguments; the arguments of the plugin's `command` follow. */
  argv: readonly string[];
  /** The engine that the hive resolved, as the plugin sees it. */
  binary: Launch['binary'];
  models: Launch['models'];
  /** Defaults to `cpu`. */
  variant?: string;
  /** Defaults to the device of the variant: index 0, or none on the CPU. */
  device?: Launch['device'];
  options?: Launch['options'];
  names?: readonly string[];
  /** Defaults to a free one. */
  port?: number;
  probes?: Launch['probes'];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
}

export interface ErrorAnswer {
  error: { message: string; type: string; param: string | null; code: string | null };
}

const apiKey = 'test-key';

/** A failed test would leave its worker running, which would keep the test file from ending. */
const started: TestWorker[] = [];
after(async () => {
  for (const worker of started) await worker.end();
});

/** Starts the process and returns at once; call `ready` to wait for it. */
export const launchWorker = async (request: TestLaunch): Promise<TestWorker> => {
  const { type, binary } = request;
  const launch = await launchFrom(request);
  const command = type.command(launch);
  const [program = '', ...first] = request.argv;
  // A separate process group, as under a hive, so that `end` also reaches the engine behind an adapter.
  const child = spawn(program, [...first, ...command.args], {
    env: { PATH: process.env['PATH'], ...command.env, ...request.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    ...(request.cwd !== undefined && { cwd: request.cwd }),
  });
  const log = linesOf(child);
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as Awaited<TestWorker['ended']>);
  const url = `http://127.0.0.1:${launch.port}`;
  const ask: TestWorker['fetch'] = (path, body, init) => fetch(url + path, requestWith(body, init));
  const metric: TestWorker['metric'] = async (name) => {
    const text = await (await ask('/metrics')).text();
    return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  const worker: TestWorker = {
    url,
    child,
    log,
    fetch: ask,
    ready: async () => {
      await until(
        async () => {
          if (child.exitCode !== null) throw new Error(`the worker exited:\n${log.join('\n')}`);
          return (await fetch(`${url}/health`).catch(() => undefined))?.status === 200;
        },
        { deadlineMs: 60_000, what: 'the worker' },
      );
    },
    ended,
    failure: async (wasReady) => {
      const exit = (await ended) as Failure['exit'];
      return { log: log.slice(-200), exit, wasReady, binary: { id: binary.id } };
    },
    metric,
    load: async () => {
      if (type.load === undefined) throw new Error(`${type.name} declares no load`);
      const { running, waiting } = type.load;
      return { running: await metric(running), waiting: waiting === undefined ? 0 : await metric(waiting) };
    },
    end: async () => {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // The whole group has exited.
      }
      await ended;
    },
  };
  started.push(worker);
  return worker;
};

/** Starts a worker and waits until it is ready. */
export const startWorker = async (request: TestLaunch): Promise<TestWorker> => {
  const worker = await launchWorker(request);
  await worker.ready();
  return worker;
};

const launchFrom = async (request: TestLaunch): Promise<Launch> => {
  const { type, binary, models, options = {}, names = ['demo', 'demo:latest'], variant: id = 'cpu', probes } = request;
  const device = request.device ?? { kind: id, indices: id === 'cpu' ? [] : [0] };
  const variant = type.variants.find((each) => each.id === id);
  return {
    id: `${type.name}-test`,
    variant: id,
    device,
    deviceFlags: variant?.deviceFlags(device) ?? { args: [], env: {} },
    options,
    binary,
    models,
    names,
    host: '127.0.0.1',
    port: request.port ?? (await freePort()),
    apiKey,
    ...(probes && { probes }),
  };
};

const linesOf = ({ stdout, stderr }: ChildProcess): readonly string[] => {
  const lines: string[] = [];
  for (const stream of [stdout, stderr]) {
    let unfinished = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (unfinished + text).split('\n');
      unfinished = parts.pop() ?? '';
      lines.push(...parts);
    });
  }
  return lines;
};

const requestWith = (body: unknown, init: RequestInit = {}): RequestInit => {
  const isPlain = body instanceof FormData || typeof body === 'string';
  const content = body === undefined ? init.body : isPlain ? body : JSON.stringify(body);
  const isJson = content !== undefined && content !== null && !(content instanceof FormData);
  return {
    ...(body === undefined ? {} : { method: 'POST', body: content as string | FormData }),
    ...init,
    headers: {
      authorization: `Bearer ${apiKey}`,
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...(init.headers as Record<string, string> | undefined),
    },
  };
};
/** The events of a stream as parsed JSON, with `[DONE]` kept as text. */
export const readEvents = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => block.slice('data: '.length))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)));

export { freePort };
