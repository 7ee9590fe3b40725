/** How rbee is called from where this command was typed. */
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { packageRoot } from '../config/version.ts';

/** `npx rbee` when it came through npx, or in a checkout, where the shell does not find a plain `rbee`. */
export const programName = (env: NodeJS.ProcessEnv, cwd: string): 'rbee' | 'npx rbee' => {
  const checkout = dirname(packageRoot());
  const within = `${cwd}${sep}`.startsWith(`${checkout}${sep}`) && existsSync(join(checkout, '.git'));
  return within || env['npm_command'] === 'exec' ? 'npx rbee' : 'rbee';
};

/** A text with every command line in it as it has to be typed here. */
export const asTypedHere = (text: string, env: NodeJS.ProcessEnv, cwd: string): string =>
  text.replace(/\brbee (?=[a-z]+ ?)/g, `${programName(env, cwd)} `);
