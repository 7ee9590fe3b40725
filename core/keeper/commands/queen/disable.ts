/** `rbee queen disable` */
import { UnitCommand } from '../../unit-command.ts';

export default class QueenDisable extends UnitCommand {
  static override summary = 'Let the queen no longer start with this machine; what runs goes on.';
  static override examples = [{ description: 'Undo rbee queen enable', command: 'rbee queen disable' }];

  async run(): Promise<{ disabled: boolean }> {
    await this.parse(QueenDisable);
    return this.disable('queen');
  }
}
