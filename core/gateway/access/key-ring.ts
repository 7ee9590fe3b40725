/** The keys of this queen: found by their id, compared by their hash in constant time. */
import { hash, timingSafeEqual } from 'node:crypto';
import { type AccessKey, type KeyView, keyPattern, type NewKey } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';
import { didYouMean } from '../../narration/near.ts';

/** Where keys are kept. */
export interface KeyStorage {
  /** Throws FILE_UNREADABLE, FILE_NOT_PRIVATE. */
  load(): Promise<readonly AccessKey[]>;
  /** Throws STATE_UNWRITABLE. */
  save(keys: readonly AccessKey[]): Promise<void>;
}

export type Found = { key: AccessKey } | { problem: string };

export class KeyRing {
  readonly #storage: KeyStorage;
  #keys = new Map<string, AccessKey>();
  readonly #lastUsed = new Map<string, number>();
  /** What to do when a key is revoked, by its id. */
  readonly #revoked = new Map<string, Set<() => void>>();
  /** Why the stored keys could not be read: then none is valid, and none is changed. */
  #unreadable: unknown;
  #changes: Promise<unknown> = Promise.resolve();

  constructor(storage: KeyStorage) {
    this.#storage = storage;
  }

  /** Never throws: without its keys a queen still answers programs on its own machine. Returns what went wrong. */
  async open(): Promise<unknown> {
    try {
      this.#keys = new Map((await this.#storage.load()).map((key) => [key.id, key]));
      this.#unreadable = undefined;
    } catch (error) {
      this.#unreadable = error;
    }
    return this.#unreadable;
  }

  /** The valid key that was presented, or why it is not valid. */
  find(presented: string, now = Date.now()): Found {
    const id = keyPattern.exec(presented)?.[1];
    const key = id === undefined ? undefined : this.#keys.get(id);
    if (!key) return { problem: 'this queen has no such key' };
    const digest = hash('sha256', presented, 'buffer');
    const isOne = key.hashes.some(
      ({ hash: known, validUntil }) =>
        timingSafeEqual(Buffer.from(known, 'hex'), digest) &&
        (validUntil === undefined || Date.parse(validUntil) > now),
    );
    if (!isOne) return { problem: 'this queen has no such key' };
    if (key.revokedAt !== undefined) return { problem: 'it was revoked' };
    if (isExpired(key, now)) return { problem: 'it has expired' };
    this.#lastUsed.set(key.id, now);
    return { key };
  }

  /** Whether a text has the form of a key of rbee, valid or not. */
  static isKey(text: string): boolean {
    return keyPattern.test(text);
  }

  /** Throws FILE_UNREADABLE if the stored keys could not be read. */
  list(): KeyView[] {
    this.#mustBeReadable();
    return [...this.#keys.values()].map((key) => this.#viewOf(key));
  }

  /** Throws KEY_EXISTS, INVALID_INPUT, STATE_UNWRITABLE. */
  create({ id, hash: first, ...settings }: NewKey): Promise<KeyView> {
    return this.#change(() => {
      for (const known of this.#keys.values()) {
        if (known.name === settings.name && known.revokedAt === undefined)
          throw RbeeError.of('KEY_EXISTS', { key: settings.name });
      }
      if (this.#keys.has(id)) throw invalid('its id is already used', 'make a new key, and send it again');
      if (this.#keys.size >= maxKeys)
        throw invalid(`there are ${maxKeys} keys already`, 'share a key, or raise its limits');
      return { ...settings, id, hashes: [{ hash: first }], createdAt: new Date().toISOString() };
    });
  }

  /** Takes effect at once. Throws KEY_NOT_FOUND, STATE_UNWRITABLE. */
  revoke(named: string): Promise<KeyView> {
    return this.#change(() => {
      const key = this.#named(named);
      return key.revokedAt === undefined ? { ...key, revokedAt: new Date().toISOString() } : key;
    });
  }

  /** Calls `work` when the key is revoked or expires, unless the returned function was called before. */
  whenEnded({ id, expiresAt }: Pick<AccessKey, 'id' | 'expiresAt'>, work: () => void): () => void {
    const waiting = this.#revoked.get(id) ?? new Set();
    this.#revoked.set(id, waiting.add(work));
    const left = expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) - Date.now();
    // A timer cannot run longer, and neither does a request.
    const timer = left <= maxTimerMs ? setTimeout(work, Math.max(0, left)).unref() : undefined;
    return () => {
      clearTimeout(timer);
      waiting.delete(work);
      if (waiting.size === 0) this.#revoked.delete(id);
    };
  }

  /** The old secret stays valid for `graceSeconds`. Throws KEY_NOT_FOUND, KEY_ENDED, STATE_UNWRITABLE. */
  rotate(named: string, next: string, graceSeconds = 0): Promise<KeyView> {
    return this.#change(() => {
      const key = this.#named(named);
      if (key.revokedAt !== undefined) throw RbeeError.of('KEY_ENDED', { key: key.name });
      const now = Date.now();
      const validUntil = new Date(now + graceSeconds * 1_000).toISOString();
      const earlier = key.hashes
        .map(({ hash, validUntil: until = validUntil }) => ({
          hash,
          validUntil: until < validUntil ? until : validUntil,
        }))
        .filter((one) => Date.parse(one.validUntil) > now);
      return {
        ...key,
        hashes: [{ hash: next }, ...earlier].slice(0, maxHashes),
        rotatedAt: new Date(now).toISOString(),
      };
    });
  }

  /** Changes are made one after the other, and take effect once they are stored. */
  #change(next: () => AccessKey): Promise<KeyView> {
    const change = this.#changes.then(async () => {
      this.#mustBeReadable();
      const key = next();
      const keys = new Map(this.#keys).set(key.id, key);
      await this.#storage.save([...keys.values()]);
      this.#keys = keys;
      if (key.revokedAt !== undefined) for (const work of [...(this.#revoked.get(key.id) ?? [])]) work();
      return this.#viewOf(key);
    });
    this.#changes = change.catch(() => {});
    return change;
  }

  #named(named: string): AccessKey {
    const keys = [...this.#keys.values()];
    const key =
      keys.find(({ name, revokedAt }) => name === named && revokedAt === undefined) ??
      this.#keys.get(named) ??
      keys.find(({ name }) => name === named);
    if (key) return key;
    const names = [...new Set(keys.map(({ name }) => name))];
    const known = names.slice(0, 20).join(', ') || 'none';
    throw RbeeError.of('KEY_NOT_FOUND', { key: named, near: didYouMean(named, names), known });
  }

  #viewOf({ hashes: _, ...key }: AccessKey): KeyView {
    const used = this.#lastUsed.get(key.id);
    const state = key.revokedAt !== undefined ? 'revoked' : isExpired(key, Date.now()) ? 'expired' : 'valid';
    return { ...key, state, lastUsedAt: used === undefined ? null : new Date(used).toISOString() };
  }

  #mustBeReadable(): void {
    if (this.#unreadable !== undefined) throw this.#unreadable;
  }
}

const maxKeys = 10_000;
const maxHashes = 8;

const maxTimerMs = 2 ** 31 - 1;

const isExpired = ({ expiresAt }: Pick<AccessKey, 'expiresAt'>, now: number): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= now;

const invalid = (problem: string, hint: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', { what: 'key_create', problem, hint });
