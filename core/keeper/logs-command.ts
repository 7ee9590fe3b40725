/** What commands that show logs share. */
import { StringDecoder } from 'node:string_decoder';
import * as Flags from '@oclif/core/flags';
import { QueenCommand } from './base.ts';
import { catchInterrupts } from './interrupts.ts';
import { exitCodes } from './report.ts';

export const followFlags = {
  follow: Flags.boolean({ char: 'f', description: 'Go on with what is written from now on, until Ctrl-C' }),
  lines: Flags.integer({ char: 'n', description: 'How many of the last lines to begin with', default: 100, min: 0 }),
};

interface Wanted {
  lines: number;
  follow: boolean;
  signal: AbortSignal;
}

export abstract class LogsCommand extends QueenCommand {
  /** Passes text on as it comes; with `--json` gives it as lines, or one JSON string a line when following. */
  protected async show(
    flags: { follow: boolean; lines: number },
    open: (wanted: Wanted) => Promise<AsyncIterable<string | Buffer>> | AsyncIterable<string | Buffer>,
  ): Promise<{ lines: string[] } | undefined> {
    const interrupts = catchInterrupts(() => {
      this.interrupted = true;
      process.exitCode = exitCodes.interrupted;
    });
    // Following is waiting: nothing else may be left that keeps the process alive.
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
      // Ending the following breaks the connection it came through.
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
