/** Saves one run record whenever it changes: one write at a time, and requests that wait together share one write. */
import type { RbeeError } from '../../contract/errors.ts';
import type { RunRecord } from './process-plan.ts';
import type { RunRecords } from './run-records.ts';

export interface RecordWriterOptions {
  records: RunRecords;
  id: string;
  /** The record at that moment. */
  current: () => RunRecord;
  /** A write failed that no caller waits for. */
  onProblem: (error: RbeeError) => void;
}

const soonMs = 100;

export class RecordWriter {
  readonly #options: RecordWriterOptions;
  #saving: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #forgotten = false;
  /** Nonces of all runs that may have a record on disk: each start has a new one. */
  readonly #nonces = new Set<string>();

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /** Queues a write. It stores the record's contents at the time of the write. Throws STATE_UNWRITABLE. */
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

  /**
   * For changes that the next owner can also find out itself: a full disk must not keep workers from running or
   * stopping.
   */
  async saveIfPossible(): Promise<void> {
    await this.save().catch(this.#options.onProblem);
  }

  /** Delays the write so that it can be shared with later ones. Only for changes that the next owner can find by the nonce. */
  saveSoon(): void {
    this.#timer ??= setTimeout(() => void this.saveIfPossible(), soonMs).unref();
  }

  /** Resolves when nothing is left to write. */
  async settle(): Promise<void> {
    if (this.#timer) void this.saveIfPossible();
    await this.#saving;
  }

  /**
   * Removes the record, unless a later process with this id has written its own, and ends all writing. Throws
   * STATE_UNWRITABLE.
   */
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
