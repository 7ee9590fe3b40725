/** `rbee hive remove` */
import { hivesConfFile } from '../../../config/hives-conf.ts';
import { argument, RbeeCommand } from '../../base.ts';
import { configFlag, configInput } from '../../machines/flags.ts';
import { forgetHive } from '../../machines/hives-file.ts';

export default class HiveRemove extends RbeeCommand {
  static override summary = 'Take a machine out of hives.conf.';
  static override description =
    'What is on the machine stays and runs on: rbee uninstall removes it before, rbee sync --remove-extra afterwards.';
  static override examples = [
    { description: 'Only out of the file', command: 'rbee hive remove gpu-2' },
    {
      description: 'Off the machine first',
      command: 'rbee uninstall --hive gpu-2 && rbee hive remove gpu-2',
    },
  ];
  static override args = { hive: argument('Alias of the hive') };
  static override flags = configFlag;

  async run(): Promise<{ file: string; hive: string }> {
    const { args, flags } = await this.parse(HiveRemove);
    const file = configInput(flags.config, process.cwd()) ?? hivesConfFile(this.paths);
    await forgetHive(file, args.hive);
    this.printLine(`${args.hive} is no longer declared in ${file}`);
    this.printLine('what is on the machine stays; remove it with: rbee sync --remove-extra');
    return { file, hive: args.hive };
  }
}
