/**
 * The plugin store: versioned folders that appear only when complete, and an index that is replaced atomically. Every
 * change holds the store's lock, so that any number of commands and machines can work at once.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { valid } from 'semver';
import { readSmallFile } from '../boundary/small-file.ts';
import { RbeeError } from '../contract/errors.ts';
import { insideFolder, isSafePath, nameInFolder } from '../contract/safe-path.ts';
import { unwritable, writeAtomic } from '../lifecycle/fs/atomic-file.ts';
import { exists } from '../lifecycle/fs/file-kind.ts';
import { withLock } from '../lifecycle/fs/instance-lock.ts';
import { type IndexEntry, indexFile, readIndex } from './plugin-index.ts';

export interface Platform {
  os: string;
  cpu: string;
}

const lockMs = 60_000;

/** Catalog of the data folder. */
export const catalogFolder = (data: string): string => join(data, 'workers');

/** Folders being filled; their contents are not plugins yet. */
export const stagingFolder = (data: string): string => join(catalogFolder(data), '.staging');

/**
 * `<package>/<version>-<hash8>`: a different package with the same version gets a different folder. Errors:
 * PACKAGE_REFUSED.
 */
export const versionFolder = (data: string, name: string, version: string, integrity: string): string => {
  if (valid(version) !== version || !isSafePath(name) || name.split('/').some((part) => part.startsWith('.'))) {
    throw RbeeError.of('PACKAGE_REFUSED', {
      package: `${name}@${version}`,
      problem: 'its name or version is not valid',
    });
  }
  const hash = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64')
    .toString('hex')
    .slice(0, 8);
  return insideFolder(catalogFolder(data), `${name}/${version}-${hash}`);
};

/**
 * The self-contained tree of one variant. There are separate trees with and without install scripts run, because a
 * worker may still be running from either.
 */
export const variantFolder = (version: string, variant: string, { os, cpu }: Platform, scripts = false): string =>
  nameInFolder(version, `${variant}-${os}-${cpu}${scripts ? '-scripts' : ''}`);

/** The plugin's own package in such a tree. */
export const packageFolder = (tree: string, name: string): string => insideFolder(join(tree, 'node_modules'), name);

/** Where a tree of variants is built before it moves into place. */
export const stagedTree = (staging: string, [first]: readonly string[]): string =>
  nameInFolder(staging, `tree-${first}`);

/** A new private folder on the same file system as the store; removed after `work`. */
export const withStaging = async <Result>(data: string, work: (folder: string) => Promise<Result>): Promise<Result> => {
  const folder = join(stagingFolder(data), `${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unwritable(folder, error);
  }
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
};

/**
 * Moves a finished tree into place unless it already exists. With `replace`, the old tree is moved to the staging
 * folder.
 */
export const moveIntoPlace = async (staged: string, place: string, replace = false): Promise<void> => {
  const there = await exists(place);
  if (there && !replace) return;
  try {
    await mkdir(dirname(place), { recursive: true, mode: 0o700 });
    if (there) await rename(place, `${staged}-old`);
    await rename(staged, place);
  } catch (error) {
    throw unwritable(place, error);
  }
};

/**
 * Changes the index under the lock: `change` receives the current entries and returns the new ones, plus a result for
 * the caller. Other content of the file is kept.
 */
export const changeIndex = <Result>(
  data: string,
  change: (entries: IndexEntry[]) => Promise<{ entries: readonly IndexEntry[]; result: Result }>,
  signal?: AbortSignal,
): Promise<Result> =>
  withLock(
    join(data, 'plugins.lock'),
    async () => {
      const before = await readIndex(data);
      const { entries, result } = await change(structuredClone(before));
      if (JSON.stringify(entries) !== JSON.stringify(before)) await writeIndex(data, entries);
      return result;
    },
    { timeoutMs: lockMs, signal },
  );

const writeIndex = async (data: string, entries: readonly IndexEntry[]): Promise<void> => {
  const file = indexFile(data);
  const text = await readSmallFile(file, { maxBytes: 16 * 2 ** 20 }).catch(() => '{}');
  const json = JSON.parse(text) as { oclif?: { plugins?: { type?: unknown }[] } };
  // Entries of other kinds are oclif's.
  const others = (json.oclif?.plugins ?? []).filter(({ type }) => type !== 'link');
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const index = { private: true, ...json, oclif: { schema: 1, ...json.oclif, plugins: [...others, ...sorted] } };
  await writeAtomic(file, `${JSON.stringify(index, null, 2)}\n`);
};
