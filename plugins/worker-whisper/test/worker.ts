/** Starts a worker of this type on one of its engines. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchWorker as launch, resolveType, type TestLaunch, type TestWorker } from '@rbee/test/plugin-worker';
import type from '../index.ts';

export { type ErrorAnswer, readEvents, until } from '@rbee/test/plugin-worker';

export interface Engine {
  /** `onnx` or `whisper-server`. */
  id: string;
  /** The program to start: our own server, or the adapter. */
  script: string;
  /** The engine's own program, for the adapter. */
  argv: readonly string[];
}

export interface Worker extends TestWorker {
  /** Sends a file and fields for transcription; arrays become repeated fields. */
  transcribe(sound: Buffer | string, fields?: Fields, init?: RequestInit & { path?: string }): Promise<Response>;
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;

export interface WorkerRequest extends Pick<TestLaunch, 'options' | 'names' | 'port' | 'env' | 'variant'> {
  model: string;
}

const server = join(import.meta.dirname, '../server');
export const onnx: Engine = { id: 'onnx', script: join(server, 'main.ts'), argv: [] };
export const standIn: Engine = {
  id: 'whisper-server',
  script: join(server, 'adapter.ts'),
  argv: [process.execPath, join(import.meta.dirname, 'whisper-server-stand-in.ts')],
};

const plugin = resolveType(type);

/** Starts the process without waiting for it. Its temporary files are removed when it ends. */
export const launchWorker = async (
  engine: Engine,
  { model, options, env, ...rest }: WorkerRequest,
): Promise<Worker> => {
  const scratch = mkdtempSync(join(tmpdir(), 'rbee-whisper-worker-'));
  const worker = await launch({
    type: plugin,
    argv: [process.execPath, engine.script],
    binary: { id: engine.id, kind: 'path', path: engine.argv.at(-1) ?? engine.script, argv: engine.argv },
    models: { main: model },
    options: { threads: 1, ...options },
    env: { TMPDIR: scratch, ...env },
    ...rest,
  });
  return {
    ...worker,
    transcribe: (sound, fields = {}, { path = '/v1/audio/transcriptions', ...init } = {}) => {
      const form = new FormData();
      for (const [name, values] of Object.entries(fields)) {
        for (const value of [values].flat()) form.append(name, String(value));
      }
      form.append('file', new Blob([new Uint8Array(Buffer.from(sound))]), 'sound.wav');
      return worker.fetch(path, form, init);
    },
    end: async () => {
      await worker.end();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
};

/** Starts a worker and waits until it is ready. */
export const startWorker = async (engine: Engine, request: WorkerRequest): Promise<Worker> => {
  const worker = await launchWorker(engine, request);
  await worker.ready();
  return worker;
};
