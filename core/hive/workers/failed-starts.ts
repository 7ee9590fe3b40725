/**
 * Workers that are gone because their start failed: of the latest of them the logs are kept, so that somebody can still
 * look into what went wrong.
 */
import { readFile } from 'node:fs/promises';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import { removeLog } from '../../lifecycle/logs/logs.ts';

/** At most so many, and none that is older. */
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
  /** Where they are written down. */
  file: string;
  logFileOf: (id: string) => string;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export class FailedStarts {
  readonly #options: FailedStartsOptions;
  /** Changes are made one after the other: each reads the file and writes it. */
  #changed: Promise<unknown> = Promise.resolve();

  constructor(options: FailedStartsOptions) {
    this.#options = options;
  }

  /** Keeps the log of a worker that is gone; the oldest ones go. */
  add(id: string, message: string): Promise<void> {
    const now = this.#now();
    return this.#change((all) => [
      ...all.filter((one) => one.id !== id),
      { id, at: new Date(now).toISOString(), message },
    ]);
  }

  /** Null for a worker that is there, was deleted, or failed too long ago. */
  async find(id: string): Promise<FailedStart | null> {
    await this.#changed;
    return (await this.#read()).find((one) => one.id === id) ?? null;
  }

  /** Its id is taken again, so its log goes: another one begins. */
  async forget(id: string): Promise<void> {
    if ((await this.find(id)) === null) return;
    await this.#change((all) => all.filter((one) => one.id !== id));
  }

  /** Removes the logs of those that `change` and the bounds leave out. */
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
