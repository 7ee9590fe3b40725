/** `rbee plugins prune` */
import * as Flags from '@oclif/core/flags';
import type { PluginPrune } from '../../../contract/plugins.ts';
import { hiveFlag, PluginsCommand } from '../../plugins/plugins-command.ts';
import { formatPruned } from '../../views/plugins.ts';

export default class PluginsPrune extends PluginsCommand {
  static override summary = 'Remove versions of plugins that nothing uses any more.';
  static override description = 'What a worker was started from stays, also when that worker is stopped.';
  static override examples = [
    { description: 'Keep one version to go back to', command: 'rbee plugins prune' },
    { description: 'Keep none', command: 'rbee plugins prune --all' },
  ];
  static override flags = {
    all: Flags.boolean({ description: 'Also the versions that the last updates replaced' }),
    ...hiveFlag,
  };

  async run(): Promise<PluginPrune> {
    const { flags } = await this.parse(PluginsPrune);
    const queen = await this.queen(flags);
    const pruned = await this.runJob(queen, 'worker_prune', this.only({ all: flags.all, hive: flags.hive }));
    this.print(formatPruned(pruned));
    return pruned;
  }
}
