/** `rbee catalog refresh` */
import * as Flags from '@oclif/core/flags';
import type { HiveCatalogEntry } from '../../../contract/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { formatCatalog } from '../../views/catalog.ts';

export default class CatalogRefresh extends QueenCommand {
  static override summary = 'Read the installed worker types again from disk.';
  static override description = 'Hives notice changes by themselves; this is for when one should be quicker.';
  static override examples = [
    { description: 'On all hives that answer', command: 'rbee catalog refresh' },
    { description: 'On one of them', command: 'rbee catalog refresh --hive gpu-1' },
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
