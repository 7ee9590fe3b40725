/**
 * Writes the entries of an archive below one fresh folder, and nowhere else. Links are made last, so that nothing is
 * ever written through one; a link may only lead up out of real folders and then down again, so none can leave.
 */

import { link, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathProblem, plainPath } from '../contract/safe-path.ts';
import { ensureSpace } from '../lifecycle/fs/disk-space.ts';

export interface TreeLimits {
  /** Most entries. */
  entries: number;
  /** Most bytes of all files together. */
  bytes: number;
}

export const usualLimits: TreeLimits = { entries: 200_000, bytes: 40 * 1024 ** 3 };

export interface TreeOptions {
  /** Leading folders to leave out of each name. */
  strip: number;
  limits: TreeLimits;
  signal: AbortSignal;
}

/** Bytes between two looks at the room on disk. */
const lookEvery = 64 * 1024 * 1024;
const syncsAtOnce = 32;

/** What it refuses it throws as plain errors, which name the entry. */
export class TreeWriter {
  readonly #root: string;
  readonly #options: TreeOptions;
  readonly #symlinks = new Map<string, string>();
  readonly #hardlinks = new Map<string, string>();
  readonly #folders = new Set<string>();
  readonly #unsynced: string[] = [];
  #entries = 0;
  #bytes = 0;
  #lookAt = lookEvery;

  constructor(root: string, options: TreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  async folder(name: string): Promise<void> {
    const path = this.#place(name);
    if (path !== null) await this.#makeFolder(path);
  }

  /** `mode`: permission bits as the archive has them; nobody else may write, and no set-user-id bits are kept. */
  async file(name: string, mode: number, body: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#place(name);
    if (path === null) throw new Error(`"${name}" has fewer folders than are to be left out`);
    await this.#makeFolder(dirname(path));
    const file = await open(join(this.#root, path), 'w', 0o600);
    try {
      for await (const chunk of body) {
        await this.#make(chunk.length);
        await file.appendFile(chunk);
      }
      await file.chmod((mode & 0o755) | 0o600);
      this.#unsynced.push(path);
    } finally {
      await file.close();
    }
  }

  symlink(name: string, target: string): void {
    const path = this.#place(name);
    if (path === null) throw new Error(`"${name}" has fewer folders than are to be left out`);
    if (leaves(path, target)) throw new Error(`the link "${name}" leads out of the archive, to "${target}"`);
    this.#symlinks.set(path, target);
  }

  /** `target`: another entry, by its name in the archive. */
  hardlink(name: string, target: string): void {
    const [path, to] = [this.#place(name), this.#place(target)];
    if (path === null || to === null) throw new Error(`"${name}" has fewer folders than are to be left out`);
    this.#hardlinks.set(path, to);
  }

  /** Makes the links, once everything else is there, and sees to it that all of it stays. */
  async finish(): Promise<void> {
    await this.#sync();
    const links = [...this.#hardlinks.keys(), ...this.#symlinks.keys()];
    for (const path of links) await this.#makeFolder(dirname(path));
    for (const [path, to] of this.#hardlinks) await link(join(this.#root, to), join(this.#root, path));
    for (const [path, target] of this.#symlinks) await symlink(target, join(this.#root, path));
    for (const folder of [...this.#folders, '.']) await syncPath(join(this.#root, folder));
  }

  /** Side by side: the disk then writes many small files at once, instead of one after another. */
  async #sync(): Promise<void> {
    const next = this.#unsynced.values();
    const work = async () => {
      for (const path of next) {
        this.#options.signal.throwIfAborted();
        await syncPath(join(this.#root, path));
      }
    };
    await Promise.all(Array.from({ length: syncsAtOnce }, work));
  }

  /** Path below the root; null when nothing is left of the name. Counts the entry. */
  #place(name: string): string | null {
    this.#options.signal.throwIfAborted();
    this.#entries++;
    if (this.#entries > this.#options.limits.entries)
      throw new Error(`it has more than ${this.#options.limits.entries} entries`);
    const plain = plainPath(name);
    const problem = plain === '' ? undefined : pathProblem(plain);
    if (problem !== undefined) throw new Error(`the name ${JSON.stringify(name)} cannot be a path in it: ${problem}`);
    const parts = plain === '' ? [] : plain.split('/');
    const kept = parts.slice(this.#options.strip);
    const behind = kept.slice(0, -1).map((_, index) => kept.slice(0, index + 1).join('/'));
    if (behind.some((folder) => this.#symlinks.has(folder))) throw new Error(`"${name}" lies behind a link`);
    return kept.length === 0 ? null : kept.join('/');
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await mkdir(join(this.#root, path), { recursive: true, mode: 0o755 });
    this.#folders.add(path);
  }

  async #make(bytes: number): Promise<void> {
    this.#options.signal.throwIfAborted();
    this.#bytes += bytes;
    if (this.#bytes > this.#options.limits.bytes)
      throw new Error(`it unpacks to more than ${this.#options.limits.bytes} bytes`);
    if (this.#bytes < this.#lookAt) return;
    this.#lookAt = this.#bytes + lookEvery;
    await ensureSpace(this.#root, lookEvery);
  }
}

/** Does a link at `path` lead out, or back up after going down (where another link may have led elsewhere)? */
const leaves = (path: string, target: string): boolean => {
  if (target === '' || target.startsWith('/') || /[\\\0]/.test(target) || /^[A-Za-z]:/.test(target)) return true;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const down = parts.findIndex((part) => part !== '..');
  const ups = down === -1 ? parts.length : down;
  return ups > path.split('/').length - 1 || parts.slice(ups).includes('..');
};

const syncPath = async (path: string): Promise<void> => {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
};
