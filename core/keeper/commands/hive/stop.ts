/** `rbee hive stop` */
import type { HiveView } from '../../../contract/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { formatHiveStatus } from '../../views/hives.ts';

export default class HiveStop extends QueenCommand {
  static override summary = 'Stop a hive; its workers go on.';
  static override examples = [
    { description: 'The hive of this machine', command: 'rbee hive stop' },
    { description: 'Another one', command: 'rbee hive stop gpu-box' },
  ];
  static override args = hiveArgument;

  async run(): Promise<HiveView> {
    const { args, flags } = await this.parse(HiveStop);
    const hive = await this.runJob(await this.queen(flags), 'hive_stop', { hive: args.hive });
    this.print(formatHiveStatus(hive, this.out.terminal));
    return hive;
  }
}
