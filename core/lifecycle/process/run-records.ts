/** The run records of one hive: one JSON file for each process that it owns. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readSmallFile } from '../../boundary/small-file.ts';
import { unwritable, writeAtomic } from '../fs/atomic-file.ts';
import type { RunRecord } from './process-plan.ts';

/** A file that should be a record and is none, in its place or set aside. */
export interface UnreadableRecord {
  /** Id of the worker. */
  id: string;
  file: string;
}

/** Ends the names of files that were set aside. */
const aside = '.corrupt';

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
    const text = await readIfThere(this.#file(id));
    if (text === null) return null;
    const record = parseRecord(text, id);
    if (record === null) await this.setAside(id);
    return record;
  }

  /** Every readable record, in the order of their ids. Files that are none are set aside, as by `read`. */
  async list(): Promise<RunRecord[]> {
    // What is no record, or cannot be read, hides no other.
    const records = await Promise.all((await this.#ids()).map((id) => this.read(id).catch(() => null)));
    return records.filter((record) => record !== null);
  }

  /** What is there, for someone who is not the owner: nothing is set aside. */
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

  /** Moves a file that is no record of its worker out of the way, where it can still be looked at. */
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
  readSmallFile(file, { maxBytes: 16 * 2 ** 20 }).catch((error: NodeJS.ErrnoException) => {
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
