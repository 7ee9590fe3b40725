/** `rbee hive get` */
import { rbeeVersion } from '../../../config/version.ts';
import type { HiveView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { formatHive } from '../../views/hives.ts';

export default class HiveGet extends QueenCommand {
  static override summary = 'Show everything about one hive.';
  static override examples = [
    { description: 'The hive of this machine', command: 'rbee hive get' },
    { description: 'Another one, for programs', command: 'rbee hive get gpu-box --json' },
  ];
  static override args = hiveArgument;

  async run(): Promise<HiveView> {
    const { args, flags } = await this.parse(HiveGet);
    const queen = await this.queen(flags);
    const answer = await queen.get<HiveView>(`/v1/hives/${encodeURIComponent(args.hive)}`);
    this.print(answer, (hive, terminal) => formatHive(hive, terminal, rbeeVersion()));
    return answer;
  }
}
