/** `rbee plugins uninstall` */
import * as Flags from '@oclif/core/flags';
import type { PluginView } from '../../../contract/plugins.ts';
import { argument, QueenCommand } from '../../base.ts';
import { hiveFlag, pluginArgument } from '../../plugins/plugin-input.ts';

export default class PluginsUninstall extends QueenCommand {
  static override summary = 'Uninstall a plugin, or unlink its folder.';
  static override examples = [
    { description: 'By its worker type', command: 'rbee plugins uninstall echo' },
    { description: 'Even if workers use it: stop them first', command: 'rbee plugins uninstall echo --force' },
  ];
  static override aliases = ['plugins:unlink', 'plugins:remove'];
  static override args = { plugin: argument('Package, type, or linked folder') };
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'Stop its workers first' }),
    ...hiveFlag,
  };

  async run(): Promise<PluginView> {
    const { args, flags } = await this.parse(PluginsUninstall);
    const plugin = pluginArgument(args.plugin, this.folder);
    const queen = await this.queen(flags);
    const view = await this.runJob(
      queen,
      'worker_uninstall',
      this.only({ plugin, force: flags.force, hive: flags.hive }),
    );
    this.printLine(`${view.source === 'link' ? 'unlinked' : 'uninstalled'} ${view.name} ${view.version}`);
    return view;
  }
}
