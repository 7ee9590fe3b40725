/** The run records of one hive: one JSON file for each process that it owns. */
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unwritable, writeAtomic } from './atomic-file.ts';
import type { RunRecord } from './process-plan.ts';

/** Records in `folder`, as `<id>.json` (0600). The folder is made by the first write. */
export class RunRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Replaces the record of `record.id`. Throws STATE_UNWRITABLE. */
  async write(record: RunRecord): Promise<void> {
    await writeAtomic(this.#file(record.id), `${JSON.stringify(record)}\n`);
  }

  /** The record of `id`; null when there is none. A file that is no record is set aside as `<id>.json.corrupt`. */
  async read(id: string): Promise<RunRecord | null> {
    const file = this.#file(id);
    const text = await readIfThere(file);
    if (text === null) return null;
    const record = parseRecord(text, id);
    if (record === null) await rename(file, `${file}.corrupt`);
    return record;
  }

  /** Every readable record, in the order of their ids. */
  async list(): Promise<RunRecord[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const ids = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
    // What is no record, or cannot be read, hides no other.
    const records = await Promise.all(
      ids
        .filter(isId)
        .sort()
        .map((id) => this.read(id).catch(() => null)),
    );
    return records.filter((record) => record !== null);
  }

  /**
   * Removes the record of `id` if one of these runs wrote it, or if it is no record. One that another run has written in
   * the meantime stays. Nothing happens when there is none. Throws STATE_UNWRITABLE.
   */
  async remove(id: string, nonces: ReadonlySet<string>): Promise<void> {
    const file = this.#file(id);
    try {
      const there = parseRecord((await readIfThere(file)) ?? '', id);
      if (there === null || nonces.has(there.nonce)) await rm(file, { force: true });
    } catch (error) {
      throw unwritable(file, error);
    }
  }

  #file(id: string): string {
    if (!isId(id)) throw new TypeError(`"${id}" cannot name a run record`);
    return join(this.#folder, `${id}.json`);
  }
}

const readIfThere = (file: string): Promise<string | null> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });

const isId = (id: string): boolean => /^[\w-][\w.-]{0,127}$/.test(id);

/** Fields are only ever added, so a record of another version is one as long as these fit. */
const parseRecord = (text: string, id: string): RunRecord | null => {
  try {
    const value = JSON.parse(text) as Partial<RunRecord> | null;
    const fits =
      value?.id === id &&
      typeof value.nonce === 'string' &&
      typeof value.bootId === 'string' &&
      (value.pid === null || Number.isSafeInteger(value.pid)) &&
      (value.wanted === 'running' || value.wanted === 'stopped') &&
      Array.isArray(value.crashes) &&
      typeof value.logFile === 'string' &&
      typeof value.stop === 'object';
    return fits ? (value as RunRecord) : null;
  } catch {
    return null;
  }
};
