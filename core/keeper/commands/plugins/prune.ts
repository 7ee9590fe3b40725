/** `rbee plugins prune` */

import * as Flags from '@oclif/core/flags';
import type { PluginPrune } from '../../../contract/plugins.ts';
import { QueenCommand } from '../../base.ts';
import { hiveFlag } from '../../plugins/plugin-input.ts';
import { formatPruned } from '../../views/plugins.ts';

export default class PluginsPrune extends QueenCommand {
  static override summary =
    'Remove versions of plugins, and programs and downloads for them, that nothing uses any more.';
  static override description =
    'What a worker was started from stays, also when that worker is stopped, and so does what an installed plugin names.';
  static override examples = [
    { description: 'Keep one version to go back to', command: 'rbee plugins prune' },
    { description: 'Keep none', command: 'rbee plugins prune --all' },
    { description: 'Only say what would go', command: 'rbee plugins prune --dry-run' },
  ];
  static override flags = {
    all: Flags.boolean({ description: 'Also the versions that the last updates replaced' }),
    'dry-run': Flags.boolean({ description: 'Only say what would go' }),
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
