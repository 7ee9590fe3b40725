/** `rbee hive disable` */
import { UnitCommand } from '../../unit-command.ts';

export default class HiveDisable extends UnitCommand {
  static override isLocal = true;
  static override summary = 'Do not start the hive of this machine at boot; a running hive keeps running.';
  static override examples = [{ description: 'Undo rbee hive enable', command: 'rbee hive disable' }];

  async run(): Promise<{ disabled: boolean }> {
    await this.parse(HiveDisable);
    return this.disable('hive');
  }
}
