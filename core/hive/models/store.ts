/**
 * The folder of a hive's models. `blobs` holds each content once, named by its SHA-256; `manifests` maps the files of
 * each model to contents; `trees` presents each model to engines under its file names, as links.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSmallFile } from '../../boundary/small-file.ts';
import { nameInFolder } from '../../contract/safe-path.ts';
import { makeFolder, unwritable, writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import { sizeOf } from '../../lifecycle/fs/file-kind.ts';
import { withLock } from '../../lifecycle/fs/instance-lock.ts';
import { isSafePath, type Manifest, type ManifestFile, parseManifest } from './manifest.ts';

/** The longest time another hive may take to write a manifest. */
const lockTimeoutMs = 30_000;

export class ModelStore {
  readonly folder: string;

  /** `data` is this hive's data folder. No folder is created until something is stored. */
  constructor(data: string) {
    this.folder = join(data, modelsFolder);
  }

  /** Errors: STATE_UNWRITABLE. */
  async makeFolders(): Promise<void> {
    for (const name of ['blobs', 'parts', 'manifests', 'trees']) await makeFolder(join(this.folder, name));
  }

  blob(sha256: string): string {
    return join(this.folder, 'blobs', sha256);
  }

  /** Path of a partial download, by its expected content. */
  part(file: Pick<ManifestFile, 'sha256' | 'git'>, address: string): string {
    return join(this.folder, partsFolder, partName(file, address));
  }

  /** The folder in which engines see a model. */
  tree(manifest: Pick<Manifest, 'reference' | 'commit' | 'name'>): string {
    const version = manifest.commit === null ? '' : `-${manifest.commit.slice(0, 12)}`;
    return join(this.folder, 'trees', `${keyOf(manifest.reference)}${version}`, manifest.name);
  }

  /** Prefix of all folders, current or former, in which engines see a model of this reference. */
  treePrefix(reference: string): string {
    return join(this.folder, 'trees', keyOf(reference));
  }

  async read(reference: string): Promise<Manifest | null> {
    return this.#read(this.#manifest(reference));
  }

  /** All readable manifests, ordered by reference. */
  async list(): Promise<Manifest[]> {
    const folder = join(this.folder, 'manifests');
    const names = (await namesIn(folder)).filter((name) => name.endsWith('.json'));
    const all = await Promise.all(names.map((name) => this.#read(join(folder, name))));
    return all.filter((manifest) => manifest !== null).sort((a, b) => (a.reference < b.reference ? -1 : 1));
  }

  /** When anything about a model was last stored, in milliseconds since 1970; 0 if never. */
  async changedAt(reference: string): Promise<number> {
    return stat(this.#manifest(reference)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  }

  /** Paths of manifests that cannot be read. */
  async unreadable(): Promise<string[]> {
    const folder = join(this.folder, 'manifests');
    const paths = (await namesIn(folder)).filter((name) => name.endsWith('.json')).map((name) => join(folder, name));
    const read = await Promise.all(paths.map((path) => this.#read(path)));
    return paths.filter((_, index) => read[index] === null);
  }

  /**
   * Changes a manifest; changes run one at a time. If `change` returns null, the manifest is removed. Errors:
   * STATE_UNWRITABLE.
   */
  async update(
    reference: string,
    change: (there: Manifest | null) => Manifest | null | Promise<Manifest | null>,
  ): Promise<Manifest | null> {
    const path = this.#manifest(reference);
    return withLock(
      `${path}.lock`,
      async () => {
        const changed = await change(await this.#read(path));
        if (changed === null) await rm(path, { force: true });
        else await writeAtomic(path, `${JSON.stringify(changed)}\n`);
        return changed;
      },
      { timeoutMs: lockTimeoutMs },
    );
  }

  /** Whether a file with this SHA-256 and size is on disk. */
  async hasBlob(sha256: string, bytes: number | null): Promise<boolean> {
    const size = await sizeOf(this.blob(sha256));
    return size !== null && (bytes === null || size === bytes);
  }

  /** Path for a complete file with this content; null if it exists. */
  async placeFor(sha256: string, bytes: number): Promise<string | null> {
    return (await this.hasBlob(sha256, bytes)) ? null : this.blob(sha256);
  }

  /** Read-only: an engine that wrote to its model would change it for all. */
  async seal(sha256: string): Promise<void> {
    await chmod(this.blob(sha256), 0o400);
  }

  /** Links a file under its name; `replace` replaces an existing link. False if its content is missing. */
  async show(manifest: Manifest, { path, blob, bytes }: ManifestFile, { replace = false } = {}): Promise<boolean> {
    if (blob === null || !isSafePath(path)) return false;
    const shown = join(this.tree(manifest), path);
    const size = await sizeOf(shown);
    if (!replace && size !== null && (bytes === null || size === bytes)) return true;
    if (!(await this.hasBlob(blob, bytes))) return false;
    try {
      await mkdir(dirname(shown), { recursive: true, mode: 0o700 });
      await linkAs(this.blob(blob), shown);
    } catch (error) {
      throw unwritable(shown, error);
    }
    return true;
  }

  #manifest(reference: string): string {
    return join(this.folder, 'manifests', `${keyOf(reference)}.json`);
  }

  async #read(path: string): Promise<Manifest | null> {
    const text = await readSmallFile(path, { maxBytes: 16 * 2 ** 20 }).catch(() => null);
    return text === null ? null : parseManifest(text);
  }
}

const modelsFolder = 'models';
const partsFolder = 'parts';

/** File name of a partial download. */
export const partName = ({ sha256, git }: Pick<ManifestFile, 'sha256' | 'git'>, address: string): string =>
  sha256 ?? (git === null ? `address-${hashOf(address)}` : `git-${git}`);

/** Path where a machine with this data folder expects a partial download. Errors: PATH_REFUSED. */
export const partFile = (data: string, name: string): string =>
  nameInFolder(`${data}/${modelsFolder}/${partsFolder}`, `${name}.part`);

/** A hash, so that no reference can lead to another one's file. */
const keyOf = (reference: string): string => hashOf(reference).slice(0, 24);

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Prefers hard links: some engines refuse model parts behind symbolic links. The name always exists, because an engine
 * may be opening it.
 */
const linkAs = async (blob: string, shown: string): Promise<void> => {
  const beside = join(dirname(shown), `.${randomBytes(6).toString('hex')}`);
  try {
    await link(blob, beside).catch(() => symlink(blob, beside));
    await rename(beside, shown);
  } finally {
    // Renaming onto a hard link of the same file does nothing and leaves both names.
    await rm(beside, { force: true });
  }
};

export const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
