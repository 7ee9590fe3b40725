/** Caches archives of plugins for other machines, keyed by their inputs. */
import { createHash } from 'node:crypto';
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type PackEntry, pack } from '../archives/pack.ts';
import type { DeliveredPlugin } from '../contract/plugins.ts';
import { formatBytes } from '../narration/quantities.ts';
import type { Call } from '../plugins/install/installer-options.ts';
import { asStep } from '../programs/progress.ts';
import { withExclusiveLock } from '../programs/with-lock.ts';
import { inOwnFolder } from './own-folder.ts';
import { readRecord, writeRecord } from './record.ts';
import { markUsed, sweep } from './sweep.ts';

export interface PackedPlugin {
  /** Absolute path of the archive (tar, zstd). */
  archive: string;
  /** Of the archive. */
  sha256: string;
  size: number;
  /** The index entry that the hive receives. */
  entry: DeliveredPlugin;
}

/** The contents of an archive, and further cache keys for it. */
export interface ArchiveContents {
  entry: DeliveredPlugin;
  /** Collects the entries while `own`, a temporary folder, exists. */
  entries: readonly PackEntry[];
  alsoBy?: unknown;
}

/** Large trees are mostly machine code, which hardly compresses better at higher levels. */
const level = 6;

/** `of` is everything that determines the contents. Errors: any from `make`, NO_SPACE, STATE_UNWRITABLE. */
export const archiveOf = async (
  cache: string,
  of: unknown,
  make: (own: string) => Promise<ArchiveContents>,
  call: Call,
): Promise<PackedPlugin> => {
  const folder = join(cache, 'bundles');
  const key = keyOf(of);
  const there = await known(folder, key);
  if (there) return there;
  const onWait = () => call.narrate({ kind: 'info', text: 'another process is already packing this; waiting for it' });
  return withExclusiveLock(join(folder, `${key}.lock`), { signal: call.signal, onWait }, async () => {
    const made = await known(folder, key);
    if (made) return made;
    return inOwnFolder(folder, async (own) => {
      const contents = await make(own);
      const delivery = await packed(contents, own, folder, call);
      const { sha256, size, entry } = delivery;
      for (const one of [of, contents.alsoBy ?? of])
        await writeRecord(recordOf(folder, keyOf(one)), { sha256, size, entry });
      await sweep(folder, Date.now());
      return delivery;
    });
  });
};

const packed = async (
  { entry, entries }: ArchiveContents,
  own: string,
  folder: string,
  { narrate, signal }: Call,
): Promise<PackedPlugin> => {
  const { name, version, variants, platform } = entry;
  const what = `${name} ${version} (${variants[0]}) for ${platform.os} ${platform.cpu}`;
  const step = { id: `pack-${name}-${variants[0]}`, text: `packing ${what}`, done: `packed ${what}`, unit: 'bytes' };
  const made = await asStep(narrate, step, (onProgress) => pack(entries, { folder: own, signal, level, onProgress }));
  const { sha256, size } = made;
  const archive = join(folder, `${sha256}.tar.zst`);
  await rename(made.file, archive);
  narrate({ kind: 'info', text: `${what} takes ${formatBytes(size)}` });
  return { archive, sha256, size, entry };
};

const known = async (folder: string, key: string): Promise<PackedPlugin | null> => {
  const record = recordOf(folder, key);
  const read = await readRecord<Omit<PackedPlugin, 'archive'>>(record);
  if (!read) return null;
  // The archive lies next to its record; a recorded absolute path would break if the cache moves.
  const delivery = { ...read, archive: join(folder, `${read.sha256}.tar.zst`) };
  const found = await stat(delivery.archive).catch(() => null);
  if (!found || found.size !== delivery.size) return null;
  await markUsed([record, delivery.archive]);
  return delivery;
};

const recordOf = (folder: string, key: string): string => join(folder, `plugin-${key}.json`);

const keyOf = (of: unknown): string => createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 24);
