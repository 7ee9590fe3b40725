/** `rbee hive list` */
import { rbeeVersion } from '../../../config/version.ts';
import type { HiveView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { formatHives } from '../../views/hives.ts';

export default class HiveList extends QueenCommand {
  static override summary = 'List all hives, one per machine.';
  static override examples = [
    { description: 'Every machine, its devices and free memory', command: 'rbee hive list' },
    { description: 'The same for programs', command: 'rbee hive list --json' },
  ];

  async run(): Promise<{ hives: HiveView[] }> {
    const { flags } = await this.parse(HiveList);
    const list = await (await this.queen(flags)).get<{ hives: HiveView[] }>('/v1/hives');
    this.print(list.hives, (hives, terminal) => formatHives(hives, terminal, { ours: rbeeVersion() }));
    return list;
  }
}
