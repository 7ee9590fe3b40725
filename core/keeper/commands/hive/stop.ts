/** `rbee hive stop` */
import type { HiveView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { sshFlags, sshInput } from '../../machines/flags.ts';
import { socketAnswers } from '../../queen-access.ts';
import { localHive } from '../../spawn-input.ts';
import { formatHiveStatus } from '../../views/hives.ts';

export default class HiveStop extends QueenCommand {
  static override summary = 'Stop a hive; its workers keep running.';
  static override examples = [
    { description: 'The hive of this machine', command: 'rbee hive stop' },
    { description: 'Another one', command: 'rbee hive stop gpu-box' },
  ];
  static override args = hiveArgument;
  static override flags = sshFlags;

  async run(): Promise<HiveView | { alias: string; status: 'stopped' }> {
    const { args, flags } = await this.parse(HiveStop);
    if (args.hive === localHive && !(await this.#anyRuns())) {
      this.printLine(`nothing to stop: neither the queen nor hive ${args.hive} is running`);
      return { alias: args.hive, status: 'stopped' };
    }
    const hive = await this.runJob(await this.queen(flags), 'hive_stop', {
      hive: args.hive,
      ...sshInput(flags, this.env),
    });
    this.print(hive, formatHiveStatus);
    return hive;
  }

  /** Does not start a queen just to find that there is nothing to stop. */
  async #anyRuns(): Promise<boolean> {
    if (this.env['RBEE_QUEEN']) return true;
    const { queenSocket, hiveSocket } = this.paths;
    return (await socketAnswers(queenSocket)) || (await socketAnswers(hiveSocket));
  }
}
