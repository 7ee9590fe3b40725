/** `rbee hive start` */
import type { HiveView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { sshFlags, sshInput } from '../../machines/flags.ts';
import { formatHiveStatus } from '../../views/hives.ts';

export default class HiveStart extends QueenCommand {
  static override summary = 'Start a hive.';
  static override examples = [
    { description: 'The hive of this machine', command: 'rbee hive start' },
    { description: 'Another one', command: 'rbee hive start gpu-box' },
  ];
  static override args = hiveArgument;
  static override flags = sshFlags;

  async run(): Promise<HiveView> {
    const { args, flags } = await this.parse(HiveStart);
    const hive = await this.runJob(await this.queen(flags), 'hive_start', {
      hive: args.hive,
      ...sshInput(flags, this.env),
    });
    this.print(hive, formatHiveStatus);
    return hive;
  }
}
