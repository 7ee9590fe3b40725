/** The scripts of a new plugin run `rbee`, so it must be on the PATH. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { packageRoot } from '../../config/version.ts';
import { checkoutAround } from './own-packages.ts';

/** The command that puts `rbee` on the PATH; null if it already is. */
export const putRbeeOnPath = async (env: NodeJS.ProcessEnv, root = packageRoot()): Promise<string | null> => {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => !isOfNpm(folder, env));
  if (folders.some((folder) => existsSync(join(folder, 'rbee')))) return null;
  const workspace = await checkoutAround(root);
  if (workspace === null) return 'npm install --global @rbee/core';
  return `export PATH="${join(workspace, 'node_modules/.bin')}:$PATH"`;
};

/** npx and npm add such folders only for the programs that they start. */
const isOfNpm = (folder: string, env: NodeJS.ProcessEnv): boolean =>
  env['npm_execpath'] !== undefined && /[/\\]node_modules[/\\]\.bin$/.test(folder);
