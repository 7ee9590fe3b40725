/** What the commands around plugins take alike: the hive they are about, and paths as that hive sees them. */
import { resolve } from 'node:path';
import * as Flags from '@oclif/core/flags';

export const hiveFlag = {
  hive: Flags.string({ char: 'H', description: 'Hive to do it on; the local one when absent' }),
};
export const offlineFlag = { offline: Flags.boolean({ description: 'Use only what was fetched before' }) };
export const scriptsFlag = {
  'allow-scripts': Flags.boolean({ description: 'Run the install scripts of the packages; none run otherwise' }),
};

/** A path is told to the hive in full; everything else as it was typed. */
export const pluginArgument = (text: string, cwd: string): string => {
  const path = text.startsWith('file:') ? text.slice('file:'.length) : text;
  const isPath = path !== text || /^\.{0,2}\/|^\.{1,2}$/.test(text) || /^[^@/:][^/:]*\.(tgz|tar\.gz)$/.test(text);
  return isPath ? resolve(cwd, path) : text;
};
