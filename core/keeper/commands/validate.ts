/** `rbee validate` */
import * as Flags from '@oclif/core/flags';
import type { ValidationReport } from '../../contract/api/sync.ts';
import { QueenCommand } from '../base.ts';
import { configFlag, configInput, hivesFlag, sshFlags, sshInput } from '../machines/flags.ts';
import { exitCodes } from '../terminal/report.ts';
import { formatValidation } from '../views/checks.ts';

export default class Validate extends QueenCommand {
  static override summary = 'Check hives.conf: syntax, names and versions, and that the machines can be reached.';
  static override description = 'Changes nothing. Exit code 1 if a check fails.';
  static override examples = [
    { description: 'The file, and the connection to every machine', command: 'rbee validate' },
    { description: 'Only the checks that need no network', command: 'rbee validate --offline' },
    { description: 'Another file, for programs', command: 'rbee validate --config ./lab.conf --json' },
  ];
  static override flags = {
    ...configFlag,
    ...hivesFlag,
    offline: Flags.boolean({ description: 'Only the checks that need no network' }),
    ...sshFlags,
  };

  async run(): Promise<ValidationReport> {
    const { flags } = await this.parse(Validate);
    const { hive, offline } = flags;
    const input = {
      ...this.only({ hives: hive, config: configInput(flags.config, this.folder), offline }),
      ...sshInput(flags, this.env),
    };
    const report = await this.runJob(await this.queen(flags), 'package_validate', input);
    this.print(report, formatValidation);
    if (!report.valid) process.exitCode = exitCodes.failed;
    return report;
  }
}
