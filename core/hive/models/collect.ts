/** Removes unused model data: unreferenced files, folders of earlier commits, models that were never fully downloaded. */
import { lstat, readdir, readlink, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { parseModelReference } from '../../contract/model-reference.ts';
import type { ModelCollection } from '../../contract/models.ts';
import { type Manifest, wantedFiles } from './manifest.ts';
import type { ModelUser } from './model-users.ts';
import { usersOfFolder } from './model-users.ts';
import { type ModelStore, namesIn } from './store.ts';

const dayMs = 86_400_000;
/** After this time, a download is considered abandoned. */
const partMs = 7 * dayMs;
/** A file that was just downloaded may not have its name yet. */
const freshMs = 10 * 60_000;

export interface CollectOptions {
  store: ModelStore;
  users: readonly ModelUser[];
  dryRun: boolean;
  now: number;
}

export const collect = async ({ store, users, dryRun, now }: CollectOptions): Promise<ModelCollection> => {
  const removed: ModelCollection['removed'][number][] = [];
  const take = async (path: string, bytes: number, why: string): Promise<void> => {
    removed.push({ path: path.slice(store.folder.length + 1), bytes, why });
    if (!dryRun) await rm(path, { recursive: true, force: true });
  };
  const [damaged] = await store.unreadable();
  // The files listed in it would look unused.
  if (damaged !== undefined) throw RbeeError.of('MODEL_MANIFEST_CORRUPT', { path: damaged });
  const all = await store.list();
  const givenUp: Manifest[] = [];
  for (const manifest of all) if (await isGivenUp(manifest, { store, users, now })) givenUp.push(manifest);
  for (const { reference } of givenUp) {
    removed.push({ path: reference, bytes: 0, why: 'this download was not resumed for a week' });
    if (!dryRun) await store.update(reference, () => null);
  }
  const manifests = all.filter((manifest) => !givenUp.includes(manifest));
  const trees = new Set(manifests.map((manifest) => basename(join(store.tree(manifest), '..'))));
  const needed = new Set(
    manifests.flatMap(({ files }) => files.flatMap(({ blob, wanted, sha256 }) => [blob, wanted ? sha256 : null])),
  );
  for (const name of await namesIn(join(store.folder, 'trees'))) {
    const tree = join(store.folder, 'trees', name);
    const inUse = usersOfFolder(users, tree).length > 0;
    if (!trees.has(name) && !inUse) await take(tree, 0, 'the folder of a revision that was replaced');
    // If links are symbolic, a folder that is kept needs their targets.
    else for (const blob of await linkedFrom(tree)) needed.add(blob);
  }
  for (const name of await namesIn(join(store.folder, 'blobs'))) {
    const path = join(store.folder, 'blobs', name);
    const file = await lstat(path).catch(() => null);
    if (file && !needed.has(name) && now - file.mtimeMs > freshMs) await take(path, file.size, 'no model uses it');
  }
  for (const name of await namesIn(join(store.folder, 'parts'))) {
    const path = join(store.folder, 'parts', name);
    const file = await lstat(path).catch(() => null);
    // Lock files are kept: another process may be about to take one.
    if (!file || name.endsWith('.lock') || now - file.mtimeMs <= partMs) continue;
    await take(path, file.size, 'this download was not resumed for a week');
  }
  return { removed, bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0) };
};

/** An unfinished download that has not received anything for a week. */
const isGivenUp = async (
  manifest: Manifest,
  { store, users, now }: Omit<CollectOptions, 'dryRun'>,
): Promise<boolean> => {
  const { reference, source, wasComplete } = manifest;
  const wanted = wantedFiles(manifest);
  if (source === 'file' || wasComplete || (wanted.length > 0 && wanted.every(({ blob }) => blob !== null)))
    return false;
  if (now - (await store.changedAt(reference)) <= partMs) return false;
  if (usersOfFolder(users, store.treePrefix(reference)).length > 0) return false;
  const parsed = parseModelReference(reference);
  const address = parsed.kind === 'https' ? parsed.url : '';
  const parts = await Promise.all(
    wanted.map((file) =>
      lstat(`${store.part(file, address)}.part`).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return parts.every((at) => now - at > partMs);
};

const linkedFrom = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const links = entries.filter((entry) => entry.isSymbolicLink());
  return Promise.all(
    links.map(async (entry) => basename(await readlink(join(entry.parentPath, entry.name)).catch(() => ''))),
  );
};
