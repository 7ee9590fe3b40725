/** `rbee plugins prune` */

import * as Flags from '@oclif/core/flags';
import type { PluginPrune } from '../../../contract/plugins.ts';
import { QueenCommand } from '../../base.ts';
import { hiveFlag } from '../../plugins/plugin-input.ts';
import { formatPruned } from '../../views/plugins.ts';

export default class PluginsPrune extends QueenCommand {
  static override summary = 'Remove unused versions of plugins, with their programs and downloads.';
  static override description =
    'Keeps everything that installed plugins and existing workers need, even if the workers are stopped.';
  static override examples = [
    { description: 'Keep the previous version, to go back to it', command: 'rbee plugins prune' },
    { description: 'Remove the previous versions too', command: 'rbee plugins prune --all' },
    { description: 'Only show what would be removed', command: 'rbee plugins prune --dry-run' },
  ];
  static override flags = {
    all: Flags.boolean({ description: 'Also remove the versions that the last updates replaced' }),
    'dry-run': Flags.boolean({ description: 'Only show what would be removed' }),
    ...hiveFlag,
  };

  async run(): Promise<PluginPrune> {
    const { flags } = await this.parse(PluginsPrune);
    const queen = await this.queen(flags);
    const { all, hive } = flags;
    const dryRun = flags['dry-run'];
    const pruned = await this.runJob(queen, 'worker_prune', this.only({ all, dryRun, hive }));
    this.print(pruned, (shown) => formatPruned(shown, dryRun));
    return pruned;
  }
}
