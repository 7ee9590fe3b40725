/** The hive that a command acts on; by default the one of this machine. */
import * as Args from '@oclif/core/args';
import { localHive } from './spawn-input.ts';

export const hiveArgument = {
  hive: Args.string({ description: 'Alias of the hive', default: localHive, ignoreStdin: true }),
};
