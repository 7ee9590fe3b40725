/** Collects installed programs, and what was downloaded for programs, that nothing uses any more. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock } from '../lifecycle/fs/instance-lock.ts';
import type { BinaryContext } from './context.ts';
import type { ProgramsInUse } from './in-use.ts';
import { findInstalled } from './installation.ts';
import { downloadsFolder, programsFolder } from './places.ts';
import { killTools } from './run-tool.ts';
import { treeSize } from './tree-size.ts';

export interface Kept extends ProgramsInUse {
  /** Absolute paths that workers run from. */
  paths: readonly string[];
}

export interface Collected {
  /** Names of programs that went, by their key. */
  programs: string[];
  /** Names of downloads that went, by their SHA-256. */
  downloads: string[];
  bytes: number;
}

/** What of one program or download lies in its folder. */
type Pieces = ReadonlyMap<string, readonly string[]>;

/**
 * Removes what `kept` does not name and nobody is installing: whoever installs holds the lock. With `dryRun` it only
 * tells. `folders` as in `BinaryContext`.
 */
export const collectPrograms = async (
  folders: BinaryContext['folders'],
  kept: Kept,
  { dryRun = false, signal }: { dryRun?: boolean; signal?: AbortSignal } = {},
): Promise<Collected> => {
  const collected: Collected = { programs: [], downloads: [], bytes: 0 };
  const store = programsFolder(folders);
  const needed = new Set(kept.downloads);
  for (const [key, names] of await piecesIn(store, /^(.+-[0-9a-f]{16})\.(?:lock|json|[0-9a-f]{8}|json\..+\.tmp)$/)) {
    signal?.throwIfAborted();
    const installed = await findInstalled(store, key);
    const isRunFrom = (name: string) => kept.paths.some((path) => `${path}/`.startsWith(join(store, name, '/')));
    const isUsed = kept.keys.has(key) || names.some(isRunFrom);
    if (isUsed) for (const sum of installed?.facts['sha256']?.split(' ') ?? []) needed.add(sum);
    if (isUsed) continue;
    const bytes = await removeUnlessLocked(store, key, names, dryRun, () => killTools(key));
    if (bytes === null) continue;
    collected.bytes += bytes;
    if (installed || bytes > 0) collected.programs.push(key);
  }
  const downloads = downloadsFolder(folders);
  for (const [sum, names] of await piecesIn(
    downloads,
    /^([0-9a-f]{64})(?:\.lock|\.part|\.part\.json(?:\..+\.tmp)?)?$/,
  )) {
    signal?.throwIfAborted();
    if (needed.has(sum)) continue;
    const bytes = await removeUnlessLocked(downloads, sum, names, dryRun);
    if (bytes === null) continue;
    collected.bytes += bytes;
    if (bytes > 0) collected.downloads.push(sum);
  }
  return collected;
};

/** File names by the first group of `pattern`, sorted. */
const piecesIn = async (folder: string, pattern: RegExp): Promise<Pieces> => {
  const pieces = new Map<string, string[]>();
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const key = pattern.exec(name)?.[1];
    if (key !== undefined) pieces.set(key, [...(pieces.get(key) ?? []), name]);
  }
  return pieces;
};

/** Gives the bytes of `names`, which are gone unless it is a dry run; null when somebody is at work there. */
const removeUnlessLocked = async (
  folder: string,
  key: string,
  names: readonly string[],
  dryRun: boolean,
  prepare: () => Promise<void> = async () => {},
): Promise<number | null> => {
  const lockName = `${key}.lock`;
  const held = await tryLock(join(folder, lockName));
  if (held === null) return null;
  try {
    const others = names.filter((name) => name !== lockName);
    let bytes = 0;
    for (const name of others) bytes += (await treeSize(join(folder, name))).bytes;
    if (!dryRun) {
      await prepare();
      // The file that names the whole program comes first in this order, so that nothing named is ever half gone.
      for (const name of others.sort(markerFirst)) {
        await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 });
      }
    }
    // While it is held, nobody can take it and find the file gone.
    if (!dryRun || !names.includes(lockName)) await rm(join(folder, lockName), { force: true });
    return bytes;
  } finally {
    held.release();
  }
};

const markerFirst = (a: string, b: string): number => Number(b.endsWith('.json')) - Number(a.endsWith('.json'));
