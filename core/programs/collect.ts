/** Removes installed programs and downloads that are no longer used. */
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
  /** Removed programs, by key. */
  programs: string[];
  /** Removed downloads, by SHA-256. */
  downloads: string[];
  bytes: number;
}

/** All files of one program or download. */
type Pieces = ReadonlyMap<string, readonly string[]>;

/**
 * Removes everything that is not in `kept` and that no process is installing (it would hold the lock). `dryRun` only
 * reports. `folders` as in `BinaryContext`.
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

/** Removes `names` (unless it is a dry run) and returns their bytes; null if another process holds the lock. */
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
      // The record of the program is removed first, so that it never names a half-removed program.
      for (const name of others.sort(markerFirst)) {
        await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 });
      }
    }
    // Removed while the lock is held, so that no process can acquire a deleted lock file.
    if (!dryRun || !names.includes(lockName)) await rm(join(folder, lockName), { force: true });
    return bytes;
  } finally {
    held.release();
  }
};

const markerFirst = (a: string, b: string): number => Number(b.endsWith('.json')) - Number(a.endsWith('.json'));
