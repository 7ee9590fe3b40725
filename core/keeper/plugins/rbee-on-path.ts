/** The scripts of a new plugin call `rbee` by name, so a shell has to find it. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { packageRoot } from '../../config/version.ts';
import { checkoutAround } from './own-packages.ts';

/** The command after which a shell finds `rbee`; null where it does already. */
export const putRbeeOnPath = async (env: NodeJS.ProcessEnv, root = packageRoot()): Promise<string | null> => {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => !isOfNpm(folder, env));
  if (folders.some((folder) => existsSync(join(folder, 'rbee')))) return null;
  const workspace = await checkoutAround(root);
  if (workspace === null) return 'npm install --global @rbee/core';
  return `export PATH="${join(workspace, 'node_modules/.bin')}:$PATH"`;
};

/** npx and npm add such folders for the programs that they start; they are gone when the command ends. */
const isOfNpm = (folder: string, env: NodeJS.ProcessEnv): boolean =>
  env['npm_execpath'] !== undefined && /[/\\]node_modules[/\\]\.bin$/.test(folder);
