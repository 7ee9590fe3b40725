/** `rbee hive status` */
import { rbeeVersion } from '../../../config/version.ts';
import type { HiveView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { formatHiveStatus } from '../../views/hives.ts';

export default class HiveStatus extends QueenCommand {
  static override summary = 'Show whether a hive is online, and since when.';
  static override examples = [
    { description: 'The hive of this machine', command: 'rbee hive status' },
    { description: 'Another one, for programs', command: 'rbee hive status gpu-box --json' },
  ];
  static override args = hiveArgument;

  async run(): Promise<HiveView> {
    const { args, flags } = await this.parse(HiveStatus);
    const queen = await this.queen(flags);
    const answer = await queen.get<HiveView>(`/v1/hives/${encodeURIComponent(args.hive)}`);
    this.print(answer, (hive, terminal) => formatHiveStatus(hive, terminal, rbeeVersion()));
    return answer;
  }
}
