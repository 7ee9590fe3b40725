/** How to call rbee from the folder of this command. */
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { packageRoot } from '../config/version.ts';

/** `npx rbee` if it was started through npx, or in a checkout, where `rbee` is not on the PATH. */
export const programName = (env: NodeJS.ProcessEnv, cwd: string): 'rbee' | 'npx rbee' => {
  const checkout = dirname(packageRoot());
  const within = `${cwd}${sep}`.startsWith(`${checkout}${sep}`) && existsSync(join(checkout, '.git'));
  return within || env['npm_command'] === 'exec' ? 'npx rbee' : 'rbee';
};

/** Rewrites every rbee command in a text so that it works here. */
export const asTypedHere = (text: string, env: NodeJS.ProcessEnv, cwd: string): string =>
  text.replace(/\brbee (?=[a-z]+ ?)/g, `${programName(env, cwd)} `);
