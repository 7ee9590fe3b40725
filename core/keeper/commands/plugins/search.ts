/** `rbee plugins search` */
import type { PluginHit } from '../../../contract/plugins.ts';
import { argumentsOf, QueenCommand } from '../../base.ts';
import { hiveFlag, offlineFlag } from '../../plugins/plugin-input.ts';
import { formatHits } from '../../views/plugins.ts';

export default class PluginsSearch extends QueenCommand {
  static override summary = 'Search the registry for plugins.';
  static override examples = [
    { description: 'All plugins', command: 'rbee plugins search' },
    { description: 'Plugins for speech', command: 'rbee plugins search transcriptions' },
  ];
  static override strict = false;
  static override args = { words: argumentsOf('Words to find in the name, description, type or API paths') };
  static override flags = { ...offlineFlag, ...hiveFlag };

  async run(): Promise<{ plugins: readonly PluginHit[] }> {
    const { argv, flags } = await this.parse(PluginsSearch);
    const queen = await this.queen(flags);
    const text = argv.length === 0 ? undefined : argv.join(' ');
    const result = await this.runJob(
      queen,
      'worker_plugin_search',
      this.only({ text, offline: flags.offline, hive: flags.hive }),
    );
    this.print(result.plugins, formatHits);
    return result;
  }
}
