/** `rbee hive enable` */
import { UnitCommand } from '../../unit-command.ts';

export default class HiveEnable extends UnitCommand {
  static override isLocal = true;
  static override summary = 'Start the hive of this machine at boot, as a systemd user service.';
  static override examples = [{ description: 'Start it after a reboot', command: 'rbee hive enable' }];

  async run(): Promise<{ enabled: true; file: string }> {
    await this.parse(HiveEnable);
    return this.enable('hive');
  }
}
