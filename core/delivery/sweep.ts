/** Removes what was packed for other machines and has not been sent to any for a long time: it can be made again. */
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

const unusedMs = 30 * 24 * 3_600_000;

/** Marks files as used now. */
export const markUsed = async (paths: readonly string[]): Promise<void> => {
  const now = new Date();
  // It is used all the same where that cannot be written down.
  await Promise.all(paths.map((path) => utimes(path, now, now).catch(() => {})));
};

/** `now` is in milliseconds since 1970. Locks stay: somebody may hold one. */
export const sweep = async (folder: string, now: number): Promise<void> => {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/\.(json|tar\.zst)$/.test(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found && now - found.mtimeMs > unusedMs) await rm(path, { force: true });
  }
};
