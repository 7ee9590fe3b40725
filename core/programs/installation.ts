/**
 * Installed programs on disk. Each attempt fills a new folder; a small file next to it, written atomically at the end,
 * marks it as complete. Folders without such a file are never used, and the next attempt removes them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { unwritable, writeAtomic } from '../lifecycle/fs/atomic-file.ts';
import { killTools } from './run-tool.ts';
import { withExclusiveLock } from './with-lock.ts';

export interface Installed {
  /** Absolute path. */
  folder: string;
  /** Notes of the installer. */
  facts: Readonly<Record<string, string>>;
}

export interface Recipe {
  /** Folder of all installed programs. */
  store: string;
  /** File name of this program; identifies its contents. */
  key: string;
  signal: AbortSignal;
  /** Called when another process is installing the same program; its result is used. */
  onWait: () => void;
  /** Whether the existing installation is still usable. Its interpreter may have been removed. */
  usable: (installed: Installed) => Promise<boolean>;
  /** Fills the folder. */
  build: (folder: string) => Promise<Record<string, string>>;
}

/** A readable name and a hash of `contents`, for `Recipe.key`. */
export const keyOf = (name: string, contents: unknown): string => {
  const hash = createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 16);
  return `${name.replaceAll(/[^A-Za-z0-9-]+/g, '-').slice(0, 40)}-${hash}`;
};

/** Null if it is missing or incomplete. */
export const findInstalled = async (store: string, key: string): Promise<Installed | null> => {
  try {
    const { folder, facts } = JSON.parse(await readSmallFile(markerOf(store, key))) as Partial<Installed>;
    if (typeof folder !== 'string' || !folder.startsWith(`${key}.`) || folder.includes('/')) return null;
    return { folder: join(store, folder), facts: facts ?? {} };
  } catch {
    return null;
  }
};

/** Installs the program unless it is installed; concurrent calls install once. Errors: any from `build`, STATE_UNWRITABLE. */
export const install = async (recipe: Recipe): Promise<Installed> => {
  const { store, key, signal, onWait } = recipe;
  await mkdir(store, { recursive: true, mode: 0o700 }).catch((error) => {
    throw unwritable(store, error);
  });
  return withExclusiveLock(join(store, `${key}.lock`), { signal, onWait }, () => installAlone(recipe));
};

const installAlone = async ({ store, key, usable, build }: Recipe): Promise<Installed> => {
  const before = await findInstalled(store, key);
  if (before && (await usable(before))) return before;
  await removeLeftovers(store, key, before);
  const name = `${key}.${randomBytes(4).toString('hex')}`;
  const folder = join(store, name);
  try {
    await mkdir(folder, { mode: 0o700 });
    const facts = await build(folder);
    await writeAtomic(markerOf(store, key), JSON.stringify({ folder: name, facts, at: new Date().toISOString() }));
    return { folder, facts };
  } catch (error) {
    await remove(folder).catch(() => {
      // The next attempt tries again.
    });
    throw error;
  }
};

const markerOf = (store: string, key: string): string => join(store, `${key}.json`);

/** Kills the tools of an attempt whose process was killed, and removes its files. */
const removeLeftovers = async (store: string, key: string, keep: Installed | null): Promise<void> => {
  await killTools(key);
  for (const name of await readdir(store)) {
    // An unfinished folder, or the unfinished file next to it.
    const isAttempt = name.startsWith(`${key}.`) && /^([0-9a-f]{8}|json\..+\.tmp)$/.test(name.slice(key.length + 1));
    if (isAttempt && join(store, name) !== keep?.folder) await remove(join(store, name));
  }
};

const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
