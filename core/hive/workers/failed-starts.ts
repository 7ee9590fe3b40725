/**
 * Workers that were removed because their start failed. The logs of the latest ones are kept, so that the failure can
 * be examined.
 */
import { readFile } from 'node:fs/promises';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import { removeLog } from '../../lifecycle/logs/logs.ts';

/** Limits on the number and age of such logs. */
const maxKept = 20;
const maxAgeMs = 7 * 24 * 3_600_000;

const failedStart = Type.Object({
  id: Type.String(),
  /** ISO 8601. */
  at: Type.String(),
  /** Why. */
  message: Type.String(),
});
export type FailedStart = Static<typeof failedStart>;

export interface FailedStartsOptions {
  /** The file that lists them. */
  file: string;
  logFileOf: (id: string) => string;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export class FailedStarts {
  readonly #options: FailedStartsOptions;
  /** Changes run one after the other: each reads and writes the file. */
  #changed: Promise<unknown> = Promise.resolve();

  constructor(options: FailedStartsOptions) {
    this.#options = options;
  }

  /** Keeps the log of a removed worker, and removes the oldest ones. */
  add(id: string, message: string): Promise<void> {
    const now = this.#now();
    return this.#change((all) => [
      ...all.filter((one) => one.id !== id),
      { id, at: new Date(now).toISOString(), message },
    ]);
  }

  /** Null for a worker that exists, was deleted, or failed too long ago. */
  async find(id: string): Promise<FailedStart | null> {
    await this.#changed;
    return (await this.#read()).find((one) => one.id === id) ?? null;
  }

  /** The id is used again, so the old log is removed. */
  async forget(id: string): Promise<void> {
    if ((await this.find(id)) === null) return;
    await this.#change((all) => all.filter((one) => one.id !== id));
  }

  /** Removes the logs that `change` and the limits leave out. */
  async #change(change: (all: readonly FailedStart[]) => readonly FailedStart[]): Promise<void> {
    const mine = this.#changed.then(async () => {
      const before = await this.#read();
      const oldest = this.#now() - maxAgeMs;
      const kept = change(before)
        .filter(({ at }) => Date.parse(at) >= oldest)
        .slice(-maxKept);
      await writeAtomic(this.#options.file, `${JSON.stringify(kept)}\n`);
      for (const { id } of before) {
        if (!kept.some((one) => one.id === id)) await removeLog(this.#options.logFileOf(id));
      }
    });
    this.#changed = mine.catch(() => {});
    await mine;
  }

  async #read(): Promise<FailedStart[]> {
    try {
      const all: unknown = JSON.parse(await readFile(this.#options.file, 'utf8'));
      return Array.isArray(all) ? all.filter((one): one is FailedStart => Check(failedStart, one)) : [];
    } catch {
      return [];
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}
