/** Keeps one run record on disk as it is in memory: one write at a time, and what waits for the same turn is one write. */
import type { RbeeError } from '../../contract/errors.ts';
import type { RunRecord } from './process-plan.ts';
import type { RunRecords } from './run-records.ts';

export interface RecordWriterOptions {
  records: RunRecords;
  id: string;
  /** As it is at that moment. */
  current: () => RunRecord;
  /** A write failed that nobody waits for. */
  onProblem: (error: RbeeError) => void;
}

const soonMs = 100;

export class RecordWriter {
  readonly #options: RecordWriterOptions;
  #saving: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #forgotten = false;
  /** Of every run that may have a record on disk: each start has another nonce. */
  readonly #nonces = new Set<string>();

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /** Writes the record as it is when its turn comes. Throws STATE_UNWRITABLE. */
  save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next ??= this.#saving.then(async () => {
      this.#next = null;
      if (this.#forgotten) return;
      const record = this.#options.current();
      this.#nonces.add(record.nonce);
      await this.#options.records.write(record);
    });
    this.#saving = this.#next.catch(() => {});
    return this.#next;
  }

  /** For what the next owner can also find out by itself: a full disk keeps no worker from running, or from stopping. */
  async saveIfPossible(): Promise<void> {
    await this.save().catch(this.#options.onProblem);
  }

  /** For what a next owner would find out by the nonce in any case: one write with what follows shortly. */
  saveSoon(): void {
    this.#timer ??= setTimeout(() => void this.saveIfPossible(), soonMs).unref();
  }

  /** Resolves when nothing is left to write. */
  async settle(): Promise<void> {
    if (this.#timer) void this.saveIfPossible();
    await this.#saving;
  }

  /** Removes the record, unless another process of this id has written its own; nothing is written afterwards. Throws STATE_UNWRITABLE. */
  async forget(): Promise<void> {
    this.#forgotten = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#saving;
    const nonces = new Set([...this.#nonces, this.#options.current().nonce]);
    try {
      await this.#options.records.remove(this.#options.id, nonces);
    } catch (error) {
      this.#forgotten = false;
      throw error;
    }
  }
}
