/** `rbee hive restart` */
import type { HiveView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { sshFlags, sshInput } from '../../machines/flags.ts';
import { formatHiveStatus } from '../../views/hives.ts';

export default class HiveRestart extends QueenCommand {
  static override summary = 'Restart a hive; its workers keep running.';
  static override examples = [
    { description: 'The hive of this machine', command: 'rbee hive restart' },
    { description: 'Another one', command: 'rbee hive restart gpu-box' },
  ];
  static override args = hiveArgument;
  static override flags = sshFlags;

  async run(): Promise<HiveView> {
    const { args, flags } = await this.parse(HiveRestart);
    const input = { hive: args.hive, ...sshInput(flags, this.env) };
    const hive = await this.runJob(await this.queen(flags), 'hive_restart', input);
    this.print(hive, formatHiveStatus);
    return hive;
  }
}
