/** `rbee plugins search` */
import type { PluginHit } from '../../../contract/plugins.ts';
import { argumentsOf, QueenCommand } from '../../base.ts';
import { hiveFlag, offlineFlag } from '../../plugins/plugin-input.ts';
import { formatHits } from '../../views/plugins.ts';

export default class PluginsSearch extends QueenCommand {
  static override summary = 'Plugins that the registry has.';
  static override examples = [
    { description: 'All of them', command: 'rbee plugins search' },
    { description: 'For speech', command: 'rbee plugins search transcriptions' },
  ];
  static override strict = false;
  static override args = { words: argumentsOf('Words in the name, the description, the type or its paths') };
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
