/** Writes the generated part of a plugin's package.json: names, paths, variants and kinds of device. */
import { relative } from 'node:path';
import { writeManifest } from '../core/worker-types/write-manifest.ts';

/**
 * Writes each stale manifest, so that it can be committed. In CI (`CI=true`) a stale one is an error, because the change
 * would be lost. `folders` contain built plugins.
 */
export const updateManifests = async (folders: readonly string[], { CI } = process.env): Promise<void> => {
  const written = await Promise.all(folders.map(writeManifest));
  const stale = written.filter(({ changed }) => changed).map(({ file }) => relative(process.cwd(), file));
  if (stale.length === 0) return;
  const what = `out of date, now written from the code: ${stale.join(', ')}`;
  if (CI === 'true') throw new Error(`${what}; commit it`);
  console.log(what);
};
