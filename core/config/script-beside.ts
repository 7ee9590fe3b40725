/** Finds the script that a module starts as a separate process or thread. */
import { dirname, extname, join, relative } from 'node:path';
import { packageRoot } from './version.ts';

/** Use the built scripts even when running from the sources: the test runner has just built them, and they start three times as fast. */
const useBuilt = 'RBEE_BUILT_SCRIPTS';

/** The script `name` in the folder of the module `file`, with the same extension. */
export const scriptBeside = (file: string, name: string): string => {
  const extension = extname(file);
  const beside = join(dirname(file), `${name}${extension}`);
  if (extension !== '.ts' || process.env[useBuilt] === undefined) return beside;
  return join(packageRoot(), 'dist', relative(packageRoot(), dirname(file)), `${name}.js`);
};
