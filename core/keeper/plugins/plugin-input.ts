/** What the commands for plugins share: the hive to act on, and paths as that hive sees them. */
import * as Flags from '@oclif/core/flags';
import { absolutePath } from '../absolute-path.ts';

export const hiveFlag = {
  hive: Flags.string({ char: 'H', description: 'Hive to act on [default: local]', helpValue: '<alias>' }),
};
export const offlineFlag = { offline: Flags.boolean({ description: 'Only use what was downloaded before' }) };
export const scriptsFlag = {
  'allow-scripts': Flags.boolean({ description: 'Run the install scripts of the packages [default: do not]' }),
};

/** Makes a path absolute for the hive, and keeps everything else. */
export const pluginArgument = (text: string, cwd: string | undefined): string => {
  const path = text.startsWith('file:') ? text.slice('file:'.length) : text;
  const isPath = path !== text || /^\.{0,2}\/|^\.{1,2}$/.test(text) || /^[^@/:][^/:]*\.(tgz|tar\.gz)$/.test(text);
  return isPath ? absolutePath(path, cwd) : text;
};
