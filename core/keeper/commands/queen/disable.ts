/** `rbee queen disable` */
import { UnitCommand } from '../../unit-command.ts';

export default class QueenDisable extends UnitCommand {
  static override isLocal = true;
  static override summary = 'Do not start the queen at boot; a running queen keeps running.';
  static override examples = [{ description: 'Undo rbee queen enable', command: 'rbee queen disable' }];

  async run(): Promise<{ disabled: boolean }> {
    await this.parse(QueenDisable);
    return this.disable('queen');
  }
}
