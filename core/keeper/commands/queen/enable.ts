/** `rbee queen enable` */
import { UnitCommand } from '../../unit-command.ts';

export default class QueenEnable extends UnitCommand {
  static override isLocal = true;
  static override summary = 'Start the queen at boot, as a systemd user service.';
  static override examples = [{ description: 'Start it after a reboot', command: 'rbee queen enable' }];

  async run(): Promise<{ enabled: true; file: string }> {
    await this.parse(QueenEnable);
    return this.enable('queen');
  }
}
