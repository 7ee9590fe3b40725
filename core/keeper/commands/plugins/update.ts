/** `rbee plugins update` */
import * as Flags from '@oclif/core/flags';
import type { PluginUpdate } from '../../../contract/plugins.ts';
import { argumentsOf, QueenCommand } from '../../base.ts';
import { hiveFlag, offlineFlag, scriptsFlag } from '../../plugins/plugin-input.ts';
import { exitCodes } from '../../terminal/report.ts';
import { formatUpdates } from '../../views/plugins.ts';

export default class PluginsUpdate extends QueenCommand {
  static override summary = 'Update plugins to the newest version that matches what was installed.';
  static override description = 'Running workers keep their version; new workers use the new version.';
  static override examples = [
    { description: 'All plugins', command: 'rbee plugins update' },
    { description: 'Only show what would change', command: 'rbee plugins update llamacpp --dry-run' },
  ];
  static override strict = false;
  static override args = { plugins: argumentsOf('Packages or types [default: all]') };
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Only show what would change' }),
    ...scriptsFlag,
    ...offlineFlag,
    ...hiveFlag,
  };

  async run(): Promise<{ updates: readonly PluginUpdate[] }> {
    const { argv, flags } = await this.parse(PluginsUpdate);
    const plugins = argv.length === 0 ? undefined : (argv as string[]);
    const { offline, hive } = flags;
    const dryRun = flags['dry-run'];
    const queen = await this.queen(flags);
    const input = this.only({ plugins, dryRun, scripts: flags['allow-scripts'], offline, hive });
    const result = await this.runJob(queen, 'worker_update', input);
    this.print(result.updates, (updates) => formatUpdates(updates, dryRun));
    const failed = result.updates.filter((one) => one.failed).length;
    if (failed > 0) process.exitCode = failed < result.updates.length ? exitCodes.partly : exitCodes.failed;
    return result;
  }
}
