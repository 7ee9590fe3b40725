/** Uploads of the queen, done by a thread that starts with the first one and ends when idle. */
import { stat } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { scriptBeside } from '../../config/script-beside.ts';
import { RbeeError } from '../../contract/errors.ts';
import { Semaphore } from '../../lifecycle/async/semaphore.ts';
import type { RouteSettings } from '../pool.ts';
import { routeKey } from '../target.ts';
import type { FromThread, ToThread, UploadJob } from './messages.ts';

export interface UploadOptions {
  signal?: AbortSignal;
  onProgress?: (sent: number, total: number) => void;
}

interface Waiting {
  job: UploadJob;
  onProgress: UploadOptions['onProgress'];
  settle: (error?: unknown) => void;
}

export class Uploads {
  readonly #waiting = new Map<number, Waiting>();
  /** One at a time for each path, because two would write into the same partial file. */
  readonly #places = new Map<string, Semaphore>();
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last = 0;
  readonly #idleMs: number;

  /** `idleMs`: how long to keep the thread for the next upload. */
  constructor({ idleMs = 10_000 }: { idleMs?: number } = {}) {
    this.#idleMs = idleMs;
  }

  /**
   * Copies `file` to `path` on the machine, over its own connection; resumes an earlier attempt. Errors: UPLOAD_FAILED, HOST_FOLDER_UNUSABLE,
   * SSH_*, and the signal's reason.
   */
  async upload(to: RouteSettings, file: string, path: string, options: UploadOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const place = `${routeKey(to.route)} ${path}`;
    const turns = this.#places.get(place) ?? new Semaphore(1);
    this.#places.set(place, turns);
    const leave = await turns.enter(options.signal);
    try {
      await this.#upload(to, file, path, options);
    } finally {
      leave();
      if (turns.isIdle) this.#places.delete(place);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#thread?.terminate();
  }

  async #upload(to: RouteSettings, file: string, path: string, { signal, onProgress }: UploadOptions): Promise<void> {
    const { size } = await stat(file);
    signal?.throwIfAborted();
    const id = ++this.#last;
    const job: UploadJob = { ...to, file, size, path };
    const thread = this.#start();
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => this.#tell({ kind: 'abort', id });
        signal?.addEventListener('abort', onAbort, { once: true });
        const settle = (error?: unknown) => {
          signal?.removeEventListener('abort', onAbort);
          this.#waiting.delete(id);
          if (error === undefined) resolve();
          else reject(signal?.aborted ? signal.reason : error);
        };
        this.#waiting.set(id, { job, onProgress, settle });
        thread.postMessage({ kind: 'upload', id, job } satisfies ToThread);
      });
    } finally {
      this.#rest();
    }
  }

  #start(): Worker {
    clearTimeout(this.#idle);
    this.#thread?.ref();
    if (this.#thread) return this.#thread;
    const script = scriptBeside(import.meta.filename, 'thread');
    const thread = new Worker(script, { execArgv: [], stdout: false, stderr: false });
    thread.on('message', (message: FromThread) => this.#hear(message));
    const end = (problem: string) => {
      // An old thread must not affect uploads that wait for a later one.
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      for (const { job, settle } of [...this.#waiting.values()]) {
        const what = job.path.split('/').at(-1) ?? job.path;
        settle(RbeeError.of('UPLOAD_FAILED', { what, hive: job.route.at(-1)?.name ?? '', problem }));
      }
    };
    thread.on('error', (error) => end((error as Error).message));
    thread.on('exit', () => end('the upload thread has ended'));
    this.#thread = thread;
    return thread;
  }

  #hear(message: FromThread): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === 'progress') waiting.onProgress?.(message.sent, waiting.job.size);
    else if (message.kind === 'done') {
      const { size } = waiting.job;
      waiting.onProgress?.(size, size);
      waiting.settle();
    } else waiting.settle(RbeeError.from(message.error));
  }

  #tell(message: ToThread): void {
    this.#thread?.postMessage(message);
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#waiting.size > 0) return;
    // An idle thread does not keep the process alive.
    this.#thread?.unref();
    this.#idle = setTimeout(() => {
      const thread = this.#thread;
      this.#thread = undefined;
      void thread?.terminate();
    }, this.#idleMs).unref();
  }
}
