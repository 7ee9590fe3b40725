/** `rbee hive remove` */
import { hivesConfFile } from '../../../config/hives-conf.ts';
import { argument, RbeeCommand } from '../../base.ts';
import { configFlag, configInput } from '../../machines/flags.ts';
import { forgetHive } from '../../machines/hives-file.ts';

export default class HiveRemove extends RbeeCommand {
  static override isLocal = true;
  static override summary = 'Remove a machine from hives.conf.';
  static override description =
    'Everything on the machine stays and keeps running. To remove it, run rbee uninstall first, or rbee sync --remove-extra afterwards.';
  static override examples = [
    { description: 'Only from the file', command: 'rbee hive remove gpu-2' },
    {
      description: 'Uninstall rbee from the machine first',
      command: 'rbee uninstall --hive gpu-2 && rbee hive remove gpu-2',
    },
  ];
  static override args = { hive: argument('Alias of the hive') };
  static override flags = configFlag;

  async run(): Promise<{ file: string; hive: string }> {
    const { args, flags } = await this.parse(HiveRemove);
    const file = configInput(flags.config, process.cwd()) ?? hivesConfFile(this.paths);
    await forgetHive(file, args.hive);
    this.printLine(`removed ${args.hive} from ${file}`);
    this.printLine('everything on the machine stays; to remove it: rbee sync --remove-extra');
    return { file, hive: args.hive };
  }
}
