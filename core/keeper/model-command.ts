/** What the commands for models share: the hive to act on, and references as that hive sees them. */
import * as Flags from '@oclif/core/flags';
import { QueenCommand } from './base.ts';
import { absoluteModel } from './spawn-input.ts';

export const hiveFlag = {
  hive: Flags.string({ char: 'H', description: 'Hive to act on [default: local]', helpValue: '<alias>' }),
};

export abstract class ModelCommand extends QueenCommand {
  /** Makes a relative path absolute, and keeps everything else. */
  protected reference(text: string, hive: string | undefined): string {
    return absoluteModel(text, hive, this.folder);
  }
}
