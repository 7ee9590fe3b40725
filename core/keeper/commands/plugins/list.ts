/** `rbee plugins list` */

import type { HiveCatalogEntry } from '../../../contract/api/queen-api.ts';
import type { PluginView } from '../../../contract/plugins.ts';
import { QueenCommand } from '../../base.ts';
import { hiveFlag } from '../../plugins/plugin-input.ts';
import { formatPlugins, type PluginRow } from '../../views/plugins.ts';

interface Listed {
  plugins: readonly PluginView[];
  /** Every worker type that can be spawned, including those of an rbee checkout. */
  types: readonly HiveCatalogEntry[];
}

export default class PluginsList extends QueenCommand {
  static override summary = 'List installed and linked plugins with their worker types.';
  static override examples = [{ description: 'Plugins of this machine', command: 'rbee plugins list' }];
  static override flags = hiveFlag;

  async run(): Promise<Listed> {
    const { flags } = await this.parse(PluginsList);
    const queen = await this.queen(flags);
    const hive = flags.hive ?? 'local';
    const [{ plugins }, { types }] = await Promise.all([
      this.runJob(queen, 'worker_plugin_list', { hive }),
      queen.get<{ types: HiveCatalogEntry[] }>(`/v1/catalog?hive=${encodeURIComponent(hive)}`),
    ]);
    this.print(rowsOf({ plugins, types }), formatPlugins);
    return { plugins, types };
  }
}

const rowsOf = ({ plugins, types }: Listed): PluginRow[] => {
  const rows: PluginRow[] = plugins.map((plugin) => ({
    name: plugin.name,
    version: plugin.version,
    types: plugin.types.join(' '),
    variants: plugin.installed.join(' '),
    source: plugin.source === 'installed' && plugin.registry === null ? 'file' : plugin.source,
    note: types.find((type) => type.fault && (type.plugin === plugin.name || type.plugin === plugin.root))?.fault ?? '',
  }));
  const others = types.filter(({ plugin }) => !plugins.some(({ name, root }) => plugin === name || plugin === root));
  const byPlugin = Map.groupBy(others, ({ plugin }) => plugin);
  for (const [name, entries] of byPlugin) {
    const [first] = entries;
    rows.push({
      name,
      version: first?.version ?? '',
      types: entries.map(({ type }) => type).join(' '),
      variants: first?.installed.join(' ') ?? '',
      source: first?.source ?? '',
      note: entries.find(({ fault }) => fault)?.fault ?? '',
    });
  }
  return rows;
};
