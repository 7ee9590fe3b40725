/**
 * `rbee.lock`: the versions that `latest` and ranges resolved to, so that other machines and later installations use
 * the same.
 */
import { join } from 'node:path';
import { readSmallFile } from '../boundary/small-file.ts';
import { configError, formatToml, readToml } from '../config/toml.ts';
import { RbeeError } from '../contract/errors.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';

export interface LockedPlugin {
  name: string;
  version: string;
  /** `sha512-…` of the packed package. */
  integrity: string;
  /** The range or tag that resolved to this version. */
  requested?: string;
  variants: LockedVariant[];
}

export interface LockedVariant {
  id: string;
  /** `linux-x64`. */
  platform: string;
  /** The npm lock of its tree, as JSON; absent if it has no dependencies. */
  npm_lock?: string;
}

const head = `# What each plugin came to mean. Written by rbee; commit it, so that every machine gets the same.
# Install something newer with: rbee plugins update
`;

export const lockFile = (configFolder: string): string => join(configFolder, 'rbee.lock');

/** Errors: CONFIG_INVALID. */
export const readLock = async (configFolder: string): Promise<LockedPlugin[]> => {
  const plugins = (await readWhole(configFolder))['plugin'];
  return Array.isArray(plugins)
    ? (plugins as LockedPlugin[]).map((one) => ({ ...one, variants: one.variants ?? [] }))
    : [];
};

/** Sets the entry of a plugin; null removes it. Keeps everything else in the file. */
export const changeLock = async (configFolder: string, name: string, plugin: LockedPlugin | null): Promise<void> => {
  const whole = await readWhole(configFolder);
  const others = (await readLock(configFolder)).filter((one) => one.name !== name);
  const plugins = plugin ? [...others, plugin] : others;
  plugins.sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = head + formatToml({ version: 1, ...whole, plugin: plugins });
  await writeAtomic(lockFile(configFolder), text, 0o644);
};

const readWhole = async (configFolder: string): Promise<Record<string, unknown>> => {
  const file = lockFile(configFolder);
  try {
    return readToml(await readSmallFile(file, { maxBytes: 64 * 2 ** 20 }), file);
  } catch (error) {
    if (error instanceof RbeeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw configError(file, { line: 1, column: 1 }, message, 'replace it with a regular file, or remove it');
  }
};
