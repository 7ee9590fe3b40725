/** Starts a worker of this type on one of its engines. */
import { join } from 'node:path';
import {
  type ErrorAnswer,
  launchWorker as launch,
  resolveType,
  type TestLaunch,
  type TestWorker,
} from '@rbee/test/plugin-worker';
import type from '../index.ts';

export { until } from '@rbee/test/plugin-worker';

export interface Engine {
  /** `sd-server` or `builtin`. */
  id: string;
  /** The program that the hive found. */
  argv: readonly string[];
  /** The program to start: our own server, or the adapter. */
  script: string;
}

const server = join(import.meta.dirname, '../server/main.ts');
export const builtin: Engine = { id: 'builtin', argv: [process.execPath, server], script: server };

/** The adapter with the stand-in for sd-server; `flags` are for the stand-in only. */
export const standIn = (...flags: string[]): Engine => ({
  id: 'sd-server',
  argv: [process.execPath, join(import.meta.dirname, 'sd-server-stand-in.ts'), ...flags],
  script: join(import.meta.dirname, '../adapter/main.ts'),
});

export interface Worker extends TestWorker {
  /** Requests images; rejects with the error of the answer. */
  draw(body: object): Promise<ImageAnswer>;
}

export interface ImageAnswer extends Partial<ErrorAnswer> {
  created: number;
  output_format: string;
  size: string;
  data: { b64_json?: string; url?: string; seed: number }[];
}

export interface WorkerRequest extends Pick<TestLaunch, 'options' | 'port' | 'env'> {
  model: string;
  /** Additional components. */
  models?: Readonly<Record<string, string>>;
}

const plugin = resolveType(type);

/** Starts the process and waits for nothing. */
export const launchWorker = async (
  engine: Engine,
  { model, models, options, ...rest }: WorkerRequest,
): Promise<Worker> => {
  const worker = await launch({
    type: plugin,
    argv: [process.execPath, engine.script],
    binary: { id: engine.id, kind: 'path', path: engine.argv.at(-1) ?? '', argv: engine.argv },
    models: { main: model, ...models },
    // Workers of several tests share the machine; more threads only slow each other down.
    options: { threads: 1, ...options },
    ...rest,
  });
  return {
    ...worker,
    draw: async (body) => {
      const answer = (await (await worker.fetch('/v1/images/generations', body)).json()) as ImageAnswer;
      if (answer.error !== undefined) throw new Error(answer.error.message);
      return answer;
    },
  };
};

/** Starts a worker and waits until it is ready. */
export const startWorker = async (engine: Engine, request: WorkerRequest): Promise<Worker> => {
  const worker = await launchWorker(engine, request);
  await worker.ready();
  return worker;
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
