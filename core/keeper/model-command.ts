/** What the commands around models share: the hive that they are about, and references as that hive sees them. */
import * as Flags from '@oclif/core/flags';
import { QueenCommand } from './base.ts';
import { absoluteModel } from './spawn-input.ts';

export const hiveFlag = {
  hive: Flags.string({ char: 'H', description: 'Hive to do it on; the local one when absent' }),
};

export abstract class ModelCommand extends QueenCommand {
  /** A relative path is told in full; everything else as it was typed. */
  protected reference(text: string, hive: string | undefined): string {
    return absoluteModel(text, hive, process.cwd());
  }
}
