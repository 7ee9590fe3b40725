/** `rbee plugins inspect` */
import type { PluginDetails } from '../../../contract/plugins.ts';
import { argument, QueenCommand } from '../../base.ts';
import { hiveFlag, offlineFlag, pluginArgument } from '../../plugins/plugin-input.ts';
import { formatDetails } from '../../views/plugins.ts';

export default class PluginsInspect extends QueenCommand {
  static override summary = 'A plugin in detail: its variants, whether each fits and why not, its options.';
  static override description = 'Of one that is not installed, what the registry tells; none of its code is run.';
  static override examples = [
    { description: 'What is installed', command: 'rbee plugins inspect llamacpp' },
    { description: 'Before installing it', command: 'rbee plugins inspect @acme/worker-echo' },
  ];
  static override args = { plugin: argument('Type, package, tarball or folder') };
  static override flags = { ...offlineFlag, ...hiveFlag };

  async run(): Promise<PluginDetails> {
    const { args, flags } = await this.parse(PluginsInspect);
    const plugin = pluginArgument(args.plugin, process.cwd());
    const queen = await this.queen(flags);
    const input = this.only({ plugin, offline: flags.offline, hive: flags.hive });
    const details = await this.runJob(queen, 'worker_plugin_inspect', input);
    this.print(details, formatDetails);
    return details;
  }
}
