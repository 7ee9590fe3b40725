/** The version of this rbee, from the package's own manifest. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the package, with `package.json` and `dist/`, for the sources and the build alike. */
export const packageRoot = (): string => {
  const here = dirname(import.meta.dirname);
  return here.endsWith('dist') ? dirname(here) : here;
};

export const rbeeVersion = (): string => {
  const manifest: { version: string } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return manifest.version;
};
