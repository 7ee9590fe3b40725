/** `rbee worker list` */
import * as Flags from '@oclif/core/flags';
import type { WorkerList as List } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { formatWorkerList } from '../../views/workers.ts';

export default class WorkerList extends QueenCommand {
  static override summary = 'List all workers, or those of one hive.';
  static override examples = [
    { description: 'Every worker', command: 'rbee worker list' },
    { description: 'Workers of one hive, for programs', command: 'rbee worker list --hive local --json' },
  ];
  static override flags = { hive: Flags.string({ char: 'H', description: 'Only the workers of this hive' }) };

  async run(): Promise<List> {
    const { flags } = await this.parse(WorkerList);
    const query = flags.hive === undefined ? '' : `?hive=${encodeURIComponent(flags.hive)}`;
    const list = await (await this.queen(flags)).get<List>(`/v1/workers${query}`);
    this.print(list, formatWorkerList);
    return list;
  }
}
