/** `rbee install-hive`, a deprecated command */
import * as Args from '@oclif/core/args';
import { hivesConfFile } from '../../config/hives-conf.ts';
import type { SyncResult } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { argument } from '../base.ts';
import { deprecated } from '../deprecated.ts';
import { sshFlags, sshInput } from '../machines/flags.ts';
import { declaredHive, declareHive } from '../machines/hives-file.ts';
import { newHive, newHiveFlags } from '../machines/new-hive.ts';
import { SyncCommand } from '../machines/sync-command.ts';

export default class InstallHive extends SyncCommand {
  static override isLocal = true;
  static override summary = 'Declare a machine and install its hive (deprecated: rbee hive add, then rbee sync).';
  static override examples = [
    { description: 'The same as rbee hive add, then rbee install', command: 'rbee install-hive gpu-1 gpu-1.lan' },
  ];
  static override args = {
    hive: argument('Alias of the hive'),
    hostname: Args.string({ description: 'Host name or address', required: false, ignoreStdin: true }),
  };
  static override flags = { ...newHiveFlags, ...sshFlags };

  async run(): Promise<SyncResult> {
    const { args, flags } = await this.parse(InstallHive);
    const { hive: alias, hostname } = args;
    deprecated(this.err, 'rbee install-hive', `rbee hive add ${alias} HOSTNAME, then: rbee sync --hive ${alias}`);
    const file = hivesConfFile(this.paths);
    const there = declaredHive(file, alias);
    const { hive, types } = newHive({ alias, hostname }, flags, 'rbee install-hive --help');
    if (there === null) await declareHive(file, hive, types);
    // An existing declaration is never changed here.
    else if (Object.keys(hive).length > 1 + Number(hostname === there.hostname) || types.length > 0) {
      throw RbeeError.of('HIVE_ALREADY_DECLARED', { hive: alias, line: there.line });
    }
    const queen = await this.queen(flags);
    return this.perform(queen, 'package_install', { hives: [alias], ...sshInput(flags, this.env) });
  }
}
