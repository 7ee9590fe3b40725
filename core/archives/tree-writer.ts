/**
 * Writes the entries of an archive below one new folder, and nowhere else. Links are created last, so that nothing is
 * ever written through one. A link may go up only through real folders and then down, so none can leave the folder.
 */

import { link, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureSpace } from '../lifecycle/fs/disk-space.ts';
import { type EntryKind, type EntryLimits, EntryRefused, EntryRules } from './entry-rules.ts';

/** Receives the entries of an archive, one after another. */
export interface EntrySink {
  folder(name: string): Promise<void>;
  /** `body` must be read to its end. `mode`: permission bits as in the archive. `size`: claimed by the archive. */
  file(entry: { name: string; mode: number; size: number }, body: AsyncIterable<Uint8Array>): Promise<void>;
  symlink(name: string, target: string): void;
  /** `target`: name of another entry. */
  hardlink(name: string, target: string): void;
}

export interface TreeOptions {
  /** Leading folders to remove from each name. */
  strip: number;
  limits: EntryLimits;
  signal?: AbortSignal;
}

/** Bytes between two checks of the free disk space. */
const spaceCheckInterval = 64 * 1024 * 1024;
const concurrentSyncs = 32;

/** Throws EntryRefused for entries that are not accepted. */
export class TreeWriter implements EntrySink {
  readonly #root: string;
  readonly #rules: EntryRules;
  readonly #signal: AbortSignal | undefined;
  readonly #symlinks = new Map<string, string>();
  readonly #hardlinks = new Map<string, string>();
  readonly #folders = new Set<string>();
  readonly #unsynced: string[] = [];
  #nextCheck = spaceCheckInterval;

  /** `root` must exist. */
  constructor(root: string, { strip, limits, signal }: TreeOptions) {
    this.#root = root;
    this.#rules = new EntryRules(limits, strip);
    this.#signal = signal;
  }

  async folder(name: string): Promise<void> {
    const path = this.#admit(name, 'folder');
    if (path !== null) await this.#makeFolder(path);
  }

  /** Removes set-user-id bits and write permission for others. */
  async file(
    { name, mode, size }: { name: string; mode: number; size: number },
    body: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const path = this.#admit(name, 'file', size) as string;
    await this.#makeFolder(dirname(path));
    const file = await open(join(this.#root, path), 'w', 0o600);
    try {
      for await (const chunk of body) {
        await this.#count(chunk.length);
        await file.appendFile(chunk);
      }
      await file.chmod((mode & 0o755) | 0o600);
      this.#unsynced.push(path);
    } finally {
      await file.close();
    }
  }

  symlink(name: string, target: string): void {
    const path = this.#admit(name, 'link') as string;
    if (leavesRoot(path, target)) throw new EntryRefused(`the link "${name}" leads out of the archive, to "${target}"`);
    this.#symlinks.set(path, target);
  }

  hardlink(name: string, target: string): void {
    const path = this.#admit(name, 'link') as string;
    const to = this.#rules.resolve(target);
    if (to === null) throw new EntryRefused(`the link "${name}" does not lead to a file in the archive`);
    this.#refuseBehindLink(to, target);
    this.#hardlinks.set(path, to);
  }

  /** Creates the links once all files exist, and syncs everything to disk. */
  async finish(): Promise<void> {
    await this.#sync();
    const links = [...this.#hardlinks.keys(), ...this.#symlinks.keys()];
    for (const path of links) await this.#makeFolder(dirname(path));
    for (const [path, to] of this.#hardlinks) await link(join(this.#root, to), join(this.#root, path));
    for (const [path, target] of this.#symlinks) await symlink(target, join(this.#root, path));
    for (const folder of [...this.#folders, '.']) await syncPath(join(this.#root, folder));
  }

  /** In parallel: the disk can then batch many small files. */
  async #sync(): Promise<void> {
    const next = this.#unsynced.values();
    const work = async () => {
      for (const path of next) {
        this.#signal?.throwIfAborted();
        await syncPath(join(this.#root, path));
      }
    };
    await Promise.all(Array.from({ length: concurrentSyncs }, work));
  }

  #admit(name: string, kind: EntryKind, size?: number): string | null {
    this.#signal?.throwIfAborted();
    const path = this.#rules.admit(name, kind, size);
    if (path !== null) this.#refuseBehindLink(path, name);
    return path;
  }

  #refuseBehindLink(path: string, name: string): void {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      if (this.#symlinks.has(parent)) throw new EntryRefused(`"${name}" is behind a link`);
    }
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await mkdir(join(this.#root, path), { recursive: true, mode: 0o755 });
    this.#folders.add(path);
  }

  async #count(bytes: number): Promise<void> {
    this.#signal?.throwIfAborted();
    this.#rules.add(bytes);
    if (this.#rules.bytes < this.#nextCheck) return;
    this.#nextCheck = this.#rules.bytes + spaceCheckInterval;
    await ensureSpace(this.#root, spaceCheckInterval);
  }
}

/** Whether a link at `path` leads out, or back up after going down (where another link may lead elsewhere). */
const leavesRoot = (path: string, target: string): boolean => {
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
