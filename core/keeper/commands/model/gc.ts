/** `rbee model gc` */
import * as Flags from '@oclif/core/flags';
import type { ModelCollection } from '../../../contract/models.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { formatCollected } from '../../views/models.ts';

export default class ModelGc extends ModelCommand {
  static override summary = 'Remove files that no model needs, and downloads that stopped over a week ago.';
  static override examples = [
    { description: 'Show what would be removed', command: 'rbee model gc --dry-run' },
    { description: 'Free the space', command: 'rbee model gc' },
  ];
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Only show what would be removed' }),
    ...hiveFlag,
  };

  async run(): Promise<ModelCollection> {
    const { flags } = await this.parse(ModelGc);
    const dryRun = flags['dry-run'];
    const queen = await this.queen(flags);
    const collected = await this.runJob(queen, 'model_gc', this.only({ dryRun, hive: flags.hive }));
    this.print(collected, (shown) => formatCollected(shown, dryRun));
    return collected;
  }
}
