/**
 * Installed programs on disk. Each attempt fills a folder of its own; a small file beside it, written last and at once,
 * says that it is whole. What is not named by such a file is never taken, and is removed by the next attempt.
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
  /** What whoever filled it noted. */
  facts: Readonly<Record<string, string>>;
}

export interface Recipe {
  /** Folder of all installed programs. */
  store: string;
  /** File name of this program: the same for the same contents, and for nothing else. */
  key: string;
  signal: AbortSignal;
  /** Another process is installing the same; its result will be taken. */
  onWait: () => void;
  /** Is what was installed earlier still usable (its interpreter may be gone)? */
  usable: (installed: Installed) => Promise<boolean>;
  /** Fills the folder. */
  build: (folder: string) => Promise<Record<string, string>>;
}

/** A readable name and a hash of `contents`, for `Recipe.key`. */
export const keyOf = (name: string, contents: unknown): string => {
  const hash = createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 16);
  return `${name.replaceAll(/[^A-Za-z0-9-]+/g, '-').slice(0, 40)}-${hash}`;
};

/** Null when it is not there, or not whole. */
export const findInstalled = async (store: string, key: string): Promise<Installed | null> => {
  try {
    const { folder, facts } = JSON.parse(await readSmallFile(markerOf(store, key))) as Partial<Installed>;
    if (typeof folder !== 'string' || !folder.startsWith(`${key}.`) || folder.includes('/')) return null;
    return { folder: join(store, folder), facts: facts ?? {} };
  } catch {
    return null;
  }
};

/** Takes what is there, else installs it; two at once install once. Errors: those of `build`, and STATE_UNWRITABLE. */
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

/** Ends what an attempt that was killed still has running, and removes what it made. */
const removeLeftovers = async (store: string, key: string, keep: Installed | null): Promise<void> => {
  await killTools(key);
  for (const name of await readdir(store)) {
    // A folder that was being filled, or the file beside it that was being written.
    const isAttempt = name.startsWith(`${key}.`) && /^([0-9a-f]{8}|json\..+\.tmp)$/.test(name.slice(key.length + 1));
    if (isAttempt && join(store, name) !== keep?.folder) await remove(join(store, name));
  }
};

const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
