/**
 * Records on disk what a sync has done, so that the next one can continue and `--retry-failed` knows what is left. What
 * needs to be done is decided by looking at the machines, never by this file.
 */
import { rename } from 'node:fs/promises';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { readSmallFile } from '../boundary/small-file.ts';
import type { StepReport, SyncStep } from '../contract/api/sync.ts';
import type { ErrorBody } from '../contract/errors.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';
import { isHiveStep, stepKey } from './describe.ts';

const hiveRecord = Type.Object({
  /** By step key. */
  steps: Type.Record(
    Type.String(),
    Type.Union([Type.Literal('planned'), Type.Literal('done'), Type.Literal('failed'), Type.Literal('skipped')]),
  ),
  /** Is `steps` complete? Not before a hive that must be started first was observed. */
  known: Type.Boolean(),
  /** Error code if the hive as a whole failed. */
  problem: Type.Union([Type.String(), Type.Null()]),
});

const journalRecord = Type.Object({
  version: Type.Literal(1),
  /** Path of the `hives.conf`. */
  config: Type.String(),
  startedAt: Type.String(),
  /** Null while it runs, and forever if it was killed. */
  endedAt: Type.Union([Type.String(), Type.Null()]),
  /** Input of the sync. */
  input: Type.Unknown(),
  hives: Type.Record(Type.String(), hiveRecord),
});

export type JournalRecord = Static<typeof journalRecord>;
type HiveRecord = Static<typeof hiveRecord>;

export class SyncJournal {
  readonly #file: string;
  #record: JournalRecord | null;
  /** Where an unreadable journal was moved to. */
  readonly damaged: string | null;
  #writing: Promise<void> | null = null;
  #dirty = false;
  #problem: unknown = null;

  private constructor(file: string, record: JournalRecord | null, damaged: string | null) {
    this.#file = file;
    this.#record = record;
    this.damaged = damaged;
  }

  /** Reads the journal. An unreadable file is renamed to `<file>.damaged`. */
  static async open(file: string): Promise<SyncJournal> {
    const text = await readSmallFile(file, { maxBytes: 64 * 2 ** 20 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      // Valid JSON, but no journal.
      if (error.code === 'EFBIG' || error.code === 'ENOTREG') return '';
      throw error;
    });
    if (text === null) return new SyncJournal(file, null, null);
    const record = parsed(text);
    if (record) return new SyncJournal(file, record, null);
    const aside = `${file}.damaged`;
    await rename(file, aside);
    return new SyncJournal(file, null, aside);
  }

  /** The last or the running sync. */
  get last(): JournalRecord | null {
    return this.#record;
  }

  /** The last sync of this file was killed. */
  interrupted(config: string): boolean {
    return this.#record !== null && this.#record.config === config && this.#record.endedAt === null;
  }

  /**
   * What failed or was left the last time that this file was synced: per hive, the keys of its steps, or `all` if the
   * hive as a whole failed. Empty if everything was done.
   */
  left(config: string): Map<string, ReadonlySet<string> | 'all'> {
    const left = new Map<string, ReadonlySet<string> | 'all'>();
    if (this.#record?.config !== config) return left;
    for (const [alias, hive] of Object.entries(this.#record.hives)) {
      const keys = leftOf(hive);
      if (hive.problem !== null || !hive.known) left.set(alias, 'all');
      else if (keys.length > 0) left.set(alias, new Set(keys));
    }
    return left;
  }

  /** Starts a sync. What an earlier one left on other hives is kept. */
  async begin(config: string, input: unknown, planned: ReadonlyMap<string, readonly SyncStep[]>): Promise<void> {
    const earlier = this.#record?.config === config ? this.#record.hives : {};
    const kept = Object.entries(earlier).filter(
      ([alias, hive]) => !planned.has(alias) && (hive.problem !== null || !hive.known || leftOf(hive).length > 0),
    );
    const fresh = [...planned].map(([alias, steps]): [string, HiveRecord] => [
      alias,
      { steps: keysOf(steps), known: steps.every((step) => !isHiveStep(step)), problem: null },
    ]);
    this.#record = {
      version: 1,
      config,
      startedAt: new Date().toISOString(),
      endedAt: null,
      input,
      hives: Object.fromEntries([...kept, ...fresh]),
    };
    this.#save();
    await this.#written();
  }

  /** The steps that are needed on a hive, as observed under its lease. */
  plan(alias: string, steps: readonly SyncStep[], known: boolean): void {
    const hive = this.#hive(alias);
    if (!hive) return;
    hive.steps = { ...keysOf(steps), ...hive.steps };
    hive.known = known;
    this.#save();
  }

  /** A step ended. */
  step(alias: string, { step, state }: StepReport): void {
    const hive = this.#hive(alias);
    if (!hive) return;
    hive.steps[stepKey(step)] = state;
    this.#save();
  }

  /** A hive ended, with the error that stopped it. */
  hive(alias: string, problems: readonly ErrorBody[]): void {
    const hive = this.#hive(alias);
    if (!hive) return;
    hive.problem = problems[0]?.code ?? null;
    // Steps that turned out to be unnecessary are not left.
    if (hive.problem === null) {
      for (const [key, state] of Object.entries(hive.steps)) if (state === 'planned') hive.steps[key] = 'done';
    }
    this.#save();
  }

  /** Ends the sync. Throws STATE_UNWRITABLE if the journal could not be written. */
  async end(): Promise<void> {
    if (!this.#record) return;
    this.#record.endedAt = new Date().toISOString();
    this.#save();
    await this.#written();
  }

  #hive(alias: string): HiveRecord | undefined {
    return this.#record && Object.hasOwn(this.#record.hives, alias) ? this.#record.hives[alias] : undefined;
  }

  /** One write at a time; the next includes changes made during it. */
  #save(): void {
    this.#dirty = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async #write(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await writeAtomic(this.#file, `${JSON.stringify(this.#record)}\n`);
        this.#problem = null;
      } catch (error) {
        this.#problem = error;
      }
    }
  }

  async #written(): Promise<void> {
    await this.#writing;
    if (this.#problem !== null) throw this.#problem;
  }
}

const keysOf = (steps: readonly SyncStep[]): HiveRecord['steps'] =>
  Object.fromEntries(steps.map((step) => [stepKey(step), 'planned']));

const leftOf = ({ steps }: HiveRecord): string[] =>
  Object.entries(steps)
    .filter(([, state]) => state !== 'done')
    .map(([key]) => key);

const parsed = (text: string): JournalRecord | null => {
  try {
    const value: unknown = JSON.parse(text);
    return Check(journalRecord, value) ? value : null;
  } catch {
    return null;
  }
};
