/** `rbee plugins link` */

import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import type { PluginView } from '../../../contract/plugins.ts';
import { QueenCommand } from '../../base.ts';
import { hiveFlag } from '../../plugins/plugin-input.ts';

export default class PluginsLink extends QueenCommand {
  static override isLocal = true;
  static override summary = 'Use a plugin from its folder while you write it.';
  static override description =
    'The package must be built. After a change, rebuild it: the next spawn or restart uses the new build.';
  static override examples = [{ description: 'The plugin in this folder', command: 'rbee plugins link' }];
  static override args = {
    folder: Args.string({ description: 'Folder of the plugin', default: '.', ignoreStdin: true }),
  };
  static override flags = hiveFlag;

  async run(): Promise<PluginView> {
    const { args, flags } = await this.parse(PluginsLink);
    const folder = resolve(args.folder);
    const queen = await this.queen(flags);
    const view = await this.runJob(queen, 'worker_link', this.only({ folder, hive: flags.hive }));
    this.printLine(`linked ${view.name} ${view.version} (${view.types.join(', ')}) at ${view.root}`);
    return view;
  }
}
