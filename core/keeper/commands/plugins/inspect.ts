/** `rbee plugins inspect` */
import type { PluginDetails } from '../../../contract/plugins.ts';
import { argument, QueenCommand } from '../../base.ts';
import { hiveFlag, offlineFlag, pluginArgument } from '../../plugins/plugin-input.ts';
import { formatDetails } from '../../views/plugins.ts';

export default class PluginsInspect extends QueenCommand {
  static override summary = 'Show a plugin in detail: its variants, whether they run on this hive, and its options.';
  static override description =
    'If it is not installed, shows what the registry knows about it, without running its code.';
  static override examples = [
    { description: 'An installed plugin', command: 'rbee plugins inspect llamacpp' },
    { description: 'Before installing it', command: 'rbee plugins inspect @acme/worker-echo' },
  ];
  static override args = { plugin: argument('Type, package, tarball or folder') };
  static override flags = { ...offlineFlag, ...hiveFlag };

  async run(): Promise<PluginDetails> {
    const { args, flags } = await this.parse(PluginsInspect);
    const plugin = pluginArgument(args.plugin, this.folder);
    const queen = await this.queen(flags);
    const input = this.only({ plugin, offline: flags.offline, hive: flags.hive });
    const details = await this.runJob(queen, 'worker_plugin_inspect', input);
    this.print(details, formatDetails);
    return details;
  }
}
