/** `rbee hive logs` */
import * as Flags from '@oclif/core/flags';
import type { HiveLogs as Logs } from '../../../contract/api/sync.ts';
import { withoutStyles } from '../../../narration/printable-stream.ts';
import { argument, QueenCommand } from '../../base.ts';
import { sshFlags, sshInput } from '../../machines/flags.ts';
import { formatLogLine } from '../../views/log-line.ts';

export default class HiveLogs extends QueenCommand {
  static override summary = 'Show the last lines of the log of a hive on another machine.';
  static override description = 'The hive of this machine writes to the log of the queen: rbee queen logs.';
  static override examples = [
    { description: 'The last lines', command: 'rbee hive logs gpu-box' },
    { description: 'More lines', command: 'rbee hive logs gpu-box --lines 1000' },
  ];
  static override args = { hive: argument('Alias of the hive') };
  static override flags = {
    lines: Flags.integer({ char: 'n', description: 'Number of lines to show', default: 100, min: 1, max: 100_000 }),
    ...sshFlags,
  };

  async run(): Promise<Logs> {
    const { args, flags } = await this.parse(HiveLogs);
    const input = { hive: args.hive, lines: flags.lines, ...sshInput(flags, this.env) };
    const logs = await this.runJob(await this.queen(flags), 'hive_logs', input);
    for (const line of logs.lines) this.printLine(withoutStyles(formatLogLine(line)));
    return logs;
  }
}
