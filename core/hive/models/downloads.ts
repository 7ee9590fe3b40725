/** Runs model downloads: checks disk space first, and downloads a file only once for concurrent requests. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Downloaded } from '../../download/download.ts';
import type { HttpFailure } from '../../download/http-failure.ts';
import type { RetryPolicy } from '../../download/retry.ts';
import { ensureSpace } from '../../lifecycle/fs/disk-space.ts';
import { sizeOf } from '../../lifecycle/fs/file-kind.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { asStep } from '../../programs/progress.ts';
import { withExclusiveLock } from '../../programs/with-lock.ts';
import type { Call } from './call.ts';
import { type FetchRequest, fetchFile } from './fetch-file.ts';
import { type About, retryText } from './hub-errors.ts';
import type { ManifestFile } from './manifest.ts';
import { SharedWork } from './shared-work.ts';
import type { ModelStore } from './store.ts';

/** A source of files. */
export interface Source {
  about: About;
  /** URL of a file; its query may contain a secret. */
  address: (path: string) => string;
  /** The URL without its query: the same for every signature. */
  plainAddress: (path: string) => string;
  /** Its single file is the whole model: see `FetchRequest`. */
  model?: FetchRequest['model'];
  headersFor: (origin: string) => Readonly<Record<string, string>>;
}

export interface DownloadsOptions {
  store: ModelStore;
  env: NodeJS.ProcessEnv;
  retry: RetryPolicy;
}

/** Concurrent downloads per model. */
const concurrency = 3;

export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #running = new SharedWork<Downloaded>();

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /** Whether one of these files is being downloaded. */
  busy(files: readonly ManifestFile[], source: Pick<Source, 'plainAddress'>): boolean {
    return files.some((file) => this.#running.has(this.#partOf(file, source)));
  }

  /**
   * Downloads files; `onFile` is called after each. Errors: NO_SPACE, before the first request, and MODEL_*.
   */
  async fetch(
    files: readonly ManifestFile[],
    source: Source,
    { narrate, signal }: Call,
    onFile: (file: ManifestFile, fetched: Downloaded) => Promise<void>,
  ): Promise<void> {
    const { store } = this.#options;
    await store.makeFolders();
    await this.#ensureRoom(files, source);
    const { model } = source.about;
    const total = files.every(({ bytes }) => bytes !== null)
      ? files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
      : undefined;
    const what = files.length === 1 ? (files[0]?.path ?? '') : `${files.length} files`;
    const size = total === undefined ? '' : `, ${formatBytes(total)}`;
    const step = {
      id: `download ${model}`,
      text: `downloading ${model} (${what}${size})`,
      done: `downloaded ${model}`,
      unit: 'bytes',
    };
    await asStep(narrate, step, async (progress) => {
      const amounts = new Map<string, number>();
      // The first failure aborts the others, which keep their partial files.
      const failed = new AbortController();
      const both = AbortSignal.any([signal, failed.signal]);
      const waiting = [...files];
      const worker = async (): Promise<void> => {
        for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
          const { path } = file;
          const onProgress = (done: number) => {
            amounts.set(path, done);
            progress(sum(amounts.values()), total, files.length === 1 ? undefined : path);
          };
          await onFile(file, await this.#fetchOne(file, source, { narrate, signal: both, onProgress }));
        }
      };
      const workers = Array.from({ length: concurrency }, () =>
        worker().catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
      );
      await Promise.allSettled(workers);
      signal.throwIfAborted();
      failed.signal.throwIfAborted();
    });
  }

  async #fetchOne(
    file: ManifestFile,
    source: Source,
    { narrate, ...call }: Call & { onProgress: (done: number) => void },
  ): Promise<Downloaded> {
    const { store, env, retry } = this.#options;
    const { sha256, bytes } = file;
    const part = this.#partOf(file, source);
    const work = (signal: AbortSignal, onProgress: (done: number) => void): Promise<Downloaded> => {
      const onWait = () => narrate({ kind: 'info', text: `another hive is downloading ${file.path}; waiting for it` });
      return withExclusiveLock(join(dirname(part), `${lockName(part)}.lock`), { signal, onWait }, async () => {
        if (sha256 !== null && (await store.hasBlob(sha256, bytes))) {
          const size = (await sizeOf(store.blob(sha256))) ?? 0;
          onProgress(size);
          return { sha256, bytes: size };
        }
        const onRetry = (failure: HttpFailure) => narrate({ kind: 'info', text: retryText(failure) });
        const place = (digest: string, size: number) => store.placeFor(digest, size);
        const fetched = await fetchFile({
          ...source,
          address: source.address(file.path),
          plainAddress: source.plainAddress(file.path),
          file,
          part,
          place,
          env,
          retry,
          signal,
          onProgress,
          onRetry,
        });
        await store.seal(fetched.sha256);
        return fetched;
      });
    };
    return this.#running.join(part, work, call);
  }

  /** Bytes of the partial downloads of these files. */
  async begun(files: readonly ManifestFile[], source: Pick<Source, 'plainAddress'>): Promise<number> {
    const missing = files.filter(({ blob }) => blob === null);
    return sum(
      await Promise.all(missing.map(async (file) => (await sizeOf(`${this.#partOf(file, source)}.part`)) ?? 0)),
    );
  }

  /** Errors: NO_SPACE if the missing bytes of all files do not fit. */
  async #ensureRoom(files: readonly ManifestFile[], source: Source): Promise<void> {
    const { store } = this.#options;
    let missing = 0;
    for (const file of files) {
      if (file.sha256 !== null && (await store.hasBlob(file.sha256, file.bytes))) continue;
      const there = (await sizeOf(`${this.#partOf(file, source)}.part`)) ?? 0;
      missing += Math.max(0, (file.bytes ?? 0) - there);
    }
    await mkdir(store.folder, { recursive: true, mode: 0o700 });
    await ensureSpace(store.folder, missing);
  }

  #partOf(file: ManifestFile, source: Pick<Source, 'plainAddress'>): string {
    return this.#options.store.part(file, source.plainAddress(file.path));
  }
}

const lockName = (part: string): string => part.split('/').at(-1) ?? 'part';

const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
