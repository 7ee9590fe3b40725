/** Decides which entries of an archive are accepted. The limits differ by source; the checks are the same for all. */
import { pathProblem, plainPath } from '../contract/safe-path.ts';

export interface EntryLimits {
  /** Files, folders and links together. */
  maxEntries: number;
  /** Of all files together, unpacked. */
  maxBytes: number;
  /** Whether symbolic and hard links are accepted. */
  links: boolean;
  /** Refuse two files whose names are equal on a file system that ignores case or Unicode normalization. */
  uniqueNames: boolean;
}

export const defaultLimits: EntryLimits = {
  maxEntries: 200_000,
  maxBytes: 40 * 1024 ** 3,
  links: true,
  uniqueNames: false,
};

export type EntryKind = 'file' | 'folder' | 'link';

/** The archive can be read, but contains something that is not accepted. */
export class EntryRefused extends Error {}

export class EntryRules {
  readonly #limits: EntryLimits;
  readonly #strip: number;
  readonly #seen = new Map<string, { name: string; kind: EntryKind }>();
  #entries = 0;
  #bytes = 0;

  /** `strip`: leading folders to remove from each name. */
  constructor(limits: EntryLimits, strip = 0) {
    this.#limits = limits;
    this.#strip = strip;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Bytes of all files so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The relative path of an entry, without the stripped folders; null if nothing remains of it. `size`: the size that
   * the archive claims, in bytes. Throws EntryRefused.
   */
  admit(name: string, kind: EntryKind, size = 0): string | null {
    const { maxEntries, links, uniqueNames } = this.#limits;
    this.#entries += 1;
    if (this.#entries > maxEntries) throw new EntryRefused(`it contains more than ${maxEntries} entries`);
    if (kind === 'link' && !links) throw new EntryRefused(`it contains a link: ${name}`);
    this.#checkBytes(size);
    const path = this.resolve(name);
    if (path === null && kind !== 'folder')
      throw new EntryRefused(`"${name}" has fewer than ${this.#strip + 1} path segments`);
    if (uniqueNames && path !== null) this.#checkTwin(path, name, kind);
    return path;
  }

  /** As `admit`, but only checks the name and counts nothing: for the target of a hard link. */
  resolve(name: string): string | null {
    const plain = plainPath(name);
    const problem = plain === '' ? undefined : pathProblem(plain);
    if (problem !== undefined)
      throw new EntryRefused(`the entry ${JSON.stringify(name)} is outside the archive: ${problem}`);
    const segments = plain === '' ? [] : plain.split('/');
    return segments.slice(this.#strip).join('/') || null;
  }

  /** Counts bytes that were read. The claimed size of an entry may be false. */
  add(bytes: number): void {
    this.#checkBytes(bytes);
    this.#bytes += bytes;
  }

  #checkBytes(more: number): void {
    const { maxBytes } = this.#limits;
    if (this.#bytes + more > maxBytes) throw new EntryRefused(`it unpacks to more than ${maxBytes} bytes`);
  }

  /** Which of two such files wins would depend on the file system, so the same archive would run different code. */
  #checkTwin(path: string, name: string, kind: EntryKind): void {
    const key = path.normalize('NFC').toLowerCase();
    const twin = this.#seen.get(key);
    this.#seen.set(key, { name, kind });
    if (!twin || (twin.kind === 'folder' && kind === 'folder')) return;
    throw new EntryRefused(
      twin.name === name
        ? `it contains ${name} twice`
        : `it contains two files with nearly the same name: ${twin.name} and ${name}`,
    );
  }
}
