/** `rbee hive ssh-test` */
import type { SshTestResult } from '../../../contract/api/sync.ts';
import { argument, QueenCommand } from '../../base.ts';
import { configFlag, configInput, sshFlags, sshInput } from '../../machines/flags.ts';
import { exitCodes } from '../../terminal/report.ts';
import { formatSshTest } from '../../views/checks.ts';

export default class HiveSshTest extends QueenCommand {
  static override summary = 'Test the SSH connection to the machine of a hive, and what rbee needs there.';
  static override description = 'Changes nothing. Exit code 1 if the machine cannot be used as it is.';
  static override examples = [
    { description: 'Find out why a machine does not work', command: 'rbee hive ssh-test gpu-box' },
    { description: 'The same for programs', command: 'rbee hive ssh-test gpu-box --json' },
  ];
  static override args = { hive: argument('Alias of the hive') };
  static override flags = { ...configFlag, ...sshFlags };

  async run(): Promise<SshTestResult> {
    const { args, flags } = await this.parse(HiveSshTest);
    const input = {
      hive: args.hive,
      ...this.only({ config: configInput(flags.config, process.cwd()) }),
      ...sshInput(flags, this.env),
    };
    const result = await this.runJob(await this.queen(flags), 'hive_ssh_test', input);
    this.print(result, formatSshTest);
    if (!result.ok) process.exitCode = exitCodes.failed;
    return result;
  }
}
