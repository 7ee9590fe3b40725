/** A cache of GGUF headers: each is read once while its file is unchanged, even across restarts of the hive. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { scriptBeside } from '../../../config/script-beside.ts';
import { writeAtomic } from '../../../lifecycle/fs/atomic-file.ts';
import type { GgufHeader } from './gguf-header.ts';

export interface GgufHeadersOptions {
  /** The cache folder. */
  folder: string;
  /** Reads a header outside this process's event loop; null for a file without a valid header. */
  read?: (path: string) => Promise<GgufHeader | null>;
  /** Maximum number of cached headers. */
  max?: number;
}

const deadlineMs = 20_000;
const heapMegabytes = 64;

export class GgufHeaders {
  readonly #folder: string;
  readonly #read: (path: string) => Promise<GgufHeader | null>;
  readonly #max: number;
  readonly #known = new Map<string, Promise<GgufHeader | null>>();

  constructor({ folder, read = readInThread, max = 500 }: GgufHeadersOptions) {
    this.#max = max;
    this.#folder = folder;
    this.#read = read;
  }

  /** Null for a file that does not exist or has no valid header. */
  async of(path: string): Promise<GgufHeader | null> {
    const key = await keyOf(path);
    if (key === null) return null;
    const known = this.#known.get(key);
    if (known) return known;
    const header = this.#load(path, key);
    this.#known.set(key, header);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#max) break;
      this.#known.delete(oldest);
    }
    return header;
  }

  async #load(path: string, key: string): Promise<GgufHeader | null> {
    const file = join(this.#folder, `${key}.json`);
    const kept = await readFile(file, 'utf8').then(parseKept, () => undefined);
    if (kept !== undefined) return kept;
    const header = await this.#read(path);
    // The file may have changed while it was read. If the header cannot be cached, use it anyway.
    if ((await keyOf(path)) === key) await this.#keep(file, header).catch(() => {});
    return header;
  }

  async #keep(file: string, header: GgufHeader | null): Promise<void> {
    await writeAtomic(file, JSON.stringify({ header }));
    const names = await readdir(this.#folder);
    if (names.length <= this.#max) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.#folder, name)).catch(() => null))?.mtimeMs ?? 0 })),
    );
    aged.sort((a, b) => a.at - b.at);
    for (const { name } of aged.slice(0, names.length - this.#max)) await rm(join(this.#folder, name), { force: true });
  }
}

/** Changed content gives a new key: a replaced file differs in inode or time. */
const keyOf = async (path: string): Promise<string | null> => {
  const found = await stat(path, { bigint: true }).catch(() => null);
  if (found === null || !found.isFile()) return null;
  const { dev, ino, size, mtimeNs } = found;
  return createHash('sha256').update([dev, ino, size, mtimeNs].join(' ')).digest('hex');
};

const keptShape = Type.Object({
  header: Type.Union([
    Type.Null(),
    Type.Object({
      metadata: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
      longTexts: Type.Array(Type.String()),
      parameters: Type.Number(),
    }),
  ]),
});

const parseKept = (text: string): GgufHeader | null | undefined => {
  try {
    const kept: unknown = JSON.parse(text);
    return Check(keptShape, kept) ? kept.header : undefined;
  } catch {
    return undefined;
  }
};

const readInThread = (path: string): Promise<GgufHeader | null> =>
  new Promise((resolve) => {
    const script = scriptBeside(import.meta.filename, 'gguf-thread');
    const thread = new Worker(script, {
      workerData: path,
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    });
    const end = (header: GgufHeader | null) => {
      clearTimeout(deadline);
      resolve(header);
      void thread.terminate();
    };
    const deadline = setTimeout(() => end(null), deadlineMs);
    thread.once('message', end);
    thread.once('error', () => end(null));
    thread.once('exit', () => end(null));
  });
