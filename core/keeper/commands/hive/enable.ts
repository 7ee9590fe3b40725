/** `rbee hive enable` */
import { UnitCommand } from '../../unit-command.ts';

export default class HiveEnable extends UnitCommand {
  static override summary = 'Let the hive of this machine start with this machine, as a systemd user service.';
  static override examples = [{ description: 'Have it there after a reboot', command: 'rbee hive enable' }];

  async run(): Promise<{ enabled: true; file: string }> {
    await this.parse(HiveEnable);
    return this.enable('hive');
  }
}
