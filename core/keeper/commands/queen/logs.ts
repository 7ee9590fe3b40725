/** `rbee queen logs` */
import { follow, tail } from '../../../lifecycle/logs/logs.ts';
import { printable } from '../../../narration/printable.ts';
import { withoutStyles } from '../../../narration/printable-stream.ts';
import { daemonLog } from '../../../queen/client/daemon-spec.ts';
import { followFlags, LogsCommand } from '../../logs-command.ts';
import { formatLogLine } from '../../views/log-line.ts';

export default class QueenLogs extends LogsCommand {
  static override isLocal = true;
  static override summary = 'Show the log of the queen. Starts nothing.';
  static override examples = [
    { description: 'The last lines', command: 'rbee queen logs' },
    { description: 'Follow the log', command: 'rbee queen logs --follow --lines 20' },
    { description: 'Raw log lines, for programs', command: 'rbee queen logs --json' },
  ];
  static override baseFlags = {} as typeof LogsCommand.baseFlags;
  static override flags = followFlags;

  async run(): Promise<{ lines: string[] } | undefined> {
    const { flags } = await this.parse(QueenLogs);
    const file = daemonLog('queen', this.paths);
    // An entry itself contains no line breaks.
    const format = this.jsonEnabled()
      ? (line: string) => line
      : (line: string) => printable(withoutStyles(formatLogLine(line)));
    return this.show(flags, ({ lines, follow: on, signal }) =>
      formatted(on ? follow(file, { lines, signal }) : last(file, lines), format),
    );
  }
}

async function* last(file: string, lines: number): AsyncGenerator<string> {
  for (const line of await tail(file, lines)) yield `${line}\n`;
}

async function* formatted(pieces: AsyncIterable<string>, format: (line: string) => string): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield `${format(line)}\n`;
  }
  if (rest !== '') yield format(rest);
}
