/** `rbee hive add` */
import * as Args from '@oclif/core/args';
import { hivesConfFile } from '../../../config/hives-conf.ts';
import type { HiveDeclaration } from '../../../contract/api/sync.ts';
import { argument, RbeeCommand } from '../../base.ts';
import { configFlag, configInput } from '../../machines/flags.ts';
import { declareHive } from '../../machines/hives-file.ts';
import { newHive, newHiveFlags } from '../../machines/new-hive.ts';

export default class HiveAdd extends RbeeCommand {
  static override isLocal = true;
  static override summary = 'Add a machine to hives.conf; rbee sync then makes it a hive.';
  static override description = 'Keeps the rest of the file, including comments. Does not touch any machine.';
  static override examples = [
    { description: 'A machine that you can reach with ssh gpu-1.lan', command: 'rbee hive add gpu-1 gpu-1.lan' },
    {
      description: 'With a user, a key and a worker type',
      command: 'rbee hive add gpu-2 10.0.0.7 --user ml --identity-file ~/.ssh/lab --worker llamacpp@^0.1',
    },
    {
      description: 'A machine behind another one',
      command: 'rbee hive add deep 192.168.7.2 --proxy-jump gpu-1 --label room=lab',
    },
  ];
  static override args = {
    alias: argument('Name of the machine in commands'),
    hostname: Args.string({
      description: 'Host name or address [default: the alias]',
      required: false,
      ignoreStdin: true,
    }),
  };
  static override flags = { ...newHiveFlags, ...configFlag };

  async run(): Promise<{ file: string; hive: HiveDeclaration }> {
    const { args, flags } = await this.parse(HiveAdd);
    const file = configInput(flags.config, process.cwd()) ?? hivesConfFile(this.paths);
    const { hive, types } = newHive(args, flags, 'rbee hive add --help');
    const declared = await declareHive(file, hive, types);
    const place = flags.config === undefined ? '' : ` --config ${flags.config}`;
    this.printLine(`added ${args.alias} to ${file}, line ${declared.line}`);
    this.printLine(`make it a hive with: rbee sync --hive ${args.alias}${place}`);
    return { file, hive: declared };
  }
}
