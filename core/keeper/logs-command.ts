/** What commands that show logs share. */
import { StringDecoder } from 'node:string_decoder';
import * as Flags from '@oclif/core/flags';
import { QueenCommand } from './base.ts';
import { catchInterrupts } from './terminal/interrupts.ts';
import { exitCodes } from './terminal/report.ts';

export const followFlags = {
  follow: Flags.boolean({ char: 'f', description: 'Keep showing new lines, until Ctrl-C' }),
  lines: Flags.integer({ char: 'n', description: 'Number of existing lines to show first', default: 100, min: 0 }),
};

interface Wanted {
  lines: number;
  follow: boolean;
  signal: AbortSignal;
}

export abstract class LogsCommand extends QueenCommand {
  /** Prints text as it arrives. With `--json`: all lines as a list, or one JSON string per line when following. */
  protected async show(
    flags: { follow: boolean; lines: number },
    open: (wanted: Wanted) => Promise<AsyncIterable<string | Buffer>> | AsyncIterable<string | Buffer>,
  ): Promise<{ lines: string[] } | undefined> {
    const interrupts = catchInterrupts(() => {
      this.interrupted = true;
      process.exitCode = exitCodes.interrupted;
    });
    // While following, nothing else keeps the process alive.
    const alive = setInterval(() => {}, 60_000);
    const decoder = new StringDecoder('utf8');
    const log = this.out.stream({ dropStyles: true });
    let rest = '';
    const lines: string[] = [];
    try {
      for await (const piece of await open({ ...flags, signal: interrupts.signal })) {
        const text = typeof piece === 'string' ? piece : decoder.write(piece);
        if (!this.jsonEnabled()) {
          log.push(text);
          continue;
        }
        const whole = (rest + text).split('\n');
        rest = whole.pop() ?? '';
        if (flags.follow) for (const line of whole) this.out.json(line);
        else lines.push(...whole);
      }
    } catch (error) {
      // When following is stopped, its connection is closed, which is no error.
      if (!this.interrupted) throw error;
    } finally {
      if (!this.jsonEnabled()) log.end();
      clearInterval(alive);
      interrupts.stop();
    }
    if (rest !== '') lines.push(rest);
    return flags.follow ? undefined : { lines };
  }
}
