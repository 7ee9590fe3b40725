/** The hive that a command is about: the one of this machine when none is named. */
import * as Args from '@oclif/core/args';
import { localHive } from './spawn-input.ts';

export const hiveArgument = {
  hive: Args.string({ description: 'Alias of the hive', default: localHive, ignoreStdin: true }),
};
