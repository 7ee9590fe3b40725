/** `rbee queen enable` */
import { UnitCommand } from '../../unit-command.ts';

export default class QueenEnable extends UnitCommand {
  static override summary = 'Let the queen start with this machine, as a systemd user service.';
  static override examples = [{ description: 'Have it there after a reboot', command: 'rbee queen enable' }];

  async run(): Promise<{ enabled: true; file: string }> {
    await this.parse(QueenEnable);
    return this.enable('queen');
  }
}
