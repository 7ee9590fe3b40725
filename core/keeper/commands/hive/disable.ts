/** `rbee hive disable` */
import { UnitCommand } from '../../unit-command.ts';

export default class HiveDisable extends UnitCommand {
  static override summary = 'Let the hive of this machine no longer start with this machine; what runs goes on.';
  static override examples = [{ description: 'Undo rbee hive enable', command: 'rbee hive disable' }];

  async run(): Promise<{ disabled: boolean }> {
    await this.parse(HiveDisable);
    return this.disable('hive');
  }
}
