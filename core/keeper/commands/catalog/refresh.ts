/** `rbee catalog refresh` */
import * as Flags from '@oclif/core/flags';
import type { HiveCatalogEntry } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { formatCatalog } from '../../views/catalog.ts';

export default class CatalogRefresh extends QueenCommand {
  static override summary = 'Reread the installed worker types from disk.';
  static override description = 'Hives notice changes on their own after a while; this makes them look now.';
  static override examples = [
    { description: 'On all hives that are online', command: 'rbee catalog refresh' },
    { description: 'On one hive', command: 'rbee catalog refresh --hive gpu-1' },
  ];
  static override flags = { hive: Flags.string({ char: 'H', description: 'Only this hive' }) };

  async run(): Promise<{ types: readonly HiveCatalogEntry[] }> {
    const { flags } = await this.parse(CatalogRefresh);
    const queen = await this.queen(flags);
    const catalog = await this.runJob(queen, 'worker_catalog_refresh', this.only({ hive: flags.hive }));
    this.print(catalog.types, formatCatalog);
    return catalog;
  }
}
