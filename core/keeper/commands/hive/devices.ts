/** `rbee hive devices` */
import type { HiveDevices } from '../../../contract/api/hive-api.ts';
import { QueenCommand } from '../../base.ts';
import { hiveArgument } from '../../hive-argument.ts';
import { formatDevices } from '../../views/hives.ts';

export default class HiveDevicesCommand extends QueenCommand {
  static override summary = 'Show the devices of a hive, measured now.';
  static override examples = [
    { description: 'Devices of this machine', command: 'rbee hive devices' },
    { description: 'Another one, for programs', command: 'rbee hive devices gpu-box --json' },
  ];
  static override args = hiveArgument;

  async run(): Promise<HiveDevices> {
    const { args, flags } = await this.parse(HiveDevicesCommand);
    const queen = await this.queen(flags);
    const answer = await queen.get<HiveDevices>(`/v1/hives/${encodeURIComponent(args.hive)}/devices`);
    this.print(answer, formatDevices);
    return answer;
  }
}
