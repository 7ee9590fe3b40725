/** The run records of one hive: one JSON file for each of its processes. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readSmallFile } from '../../boundary/small-file.ts';
import { unwritable, writeAtomic } from '../fs/atomic-file.ts';
import type { RunRecord } from './process-plan.ts';

/** An invalid record file, in its place or renamed. */
export interface UnreadableRecord {
  /** Id of the worker. */
  id: string;
  file: string;
}

/** Suffix of invalid files that were renamed. */
const aside = '.corrupt';

/** Records in `folder`, as `<id>.json` (0600). The first write creates the folder. */
export class RunRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Replaces the record of `record.id`. Throws STATE_UNWRITABLE. */
  async write(record: RunRecord): Promise<void> {
    await writeAtomic(this.#file(record.id), `${JSON.stringify(record)}\n`);
  }

  /** The record of `id`; null when there is none. An invalid file is renamed to `<id>.json.corrupt`. */
  async read(id: string): Promise<RunRecord | null> {
    const text = await readIfThere(this.#file(id));
    if (text === null) return null;
    const record = parseRecord(text, id);
    if (record === null) await this.setAside(id);
    return record;
  }

  /** Every readable record, sorted by id. Invalid files are renamed, as by `read`. */
  async list(): Promise<RunRecord[]> {
    // An invalid or unreadable record must not hide the others.
    const records = await Promise.all((await this.#ids()).map((id) => this.read(id).catch(() => null)));
    return records.filter((record) => record !== null);
  }

  /** Reads without changing anything, for anyone who is not the owner. */
  async examine(): Promise<{ records: RunRecord[]; unreadable: UnreadableRecord[] }> {
    const records: RunRecord[] = [];
    const unreadable: UnreadableRecord[] = [];
    for (const id of await this.#ids()) {
      const file = this.#file(id);
      const text = await readIfThere(file).catch(() => '');
      const record = text === null ? null : parseRecord(text, id);
      if (record) records.push(record);
      else if (text !== null) unreadable.push({ id, file });
    }
    for (const id of await this.#ids(aside)) unreadable.push({ id, file: `${this.#file(id)}${aside}` });
    return { records, unreadable };
  }

  /** Renames an invalid record, so that it can still be examined. */
  async setAside(id: string): Promise<void> {
    await rename(this.#file(id), `${this.#file(id)}${aside}`);
  }

  async #ids(end = ''): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const ids = names
      .filter((name) => name.endsWith(`.json${end}`))
      .map((name) => name.slice(0, -`.json${end}`.length));
    return ids.filter(isId).sort();
  }

  /**
   * Removes the record of `id` if one of these runs wrote it, or if it is invalid. A record that another run has
   * written meanwhile stays. Does nothing when there is none. Throws STATE_UNWRITABLE.
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
    if (!isId(id)) throw new TypeError(`"${id}" is not a valid id of a run record`);
    return join(this.#folder, `${id}.json`);
  }
}

const readIfThere = (file: string): Promise<string | null> =>
  readSmallFile(file, { maxBytes: 16 * 2 ** 20 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });

const isId = (id: string): boolean => /^[\w-][\w.-]{0,127}$/.test(id);

/** Fields are only ever added, so a record of another version is valid if it has these. */
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
