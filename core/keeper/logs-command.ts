/** What commands that show logs share. */
import * as Flags from '@oclif/core/flags';
import { escapeInText, type Terminal } from '../narration/text.ts';
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
    open: (wanted: Wanted) => Promise<AsyncIterable<unknown>> | AsyncIterable<unknown>,
  ): Promise<{ lines: string[] } | undefined> {
    const interrupts = catchInterrupts(() => {
      this.interrupted = true;
      process.exitCode = exitCodes.interrupted;
    });
    // Following is waiting: nothing else may be left that keeps the process alive.
    const alive = setInterval(() => {}, 60_000);
    let rest = '';
    const lines: string[] = [];
    try {
      for await (const piece of await open({ ...flags, signal: interrupts.signal })) {
        if (!this.jsonEnabled()) {
          this.out.stream.write(logText(String(piece), this.out.terminal));
          continue;
        }
        const whole = (rest + String(piece)).split('\n');
        rest = whole.pop() ?? '';
        if (flags.follow) for (const line of whole) this.out.stream.write(`${JSON.stringify(line)}\n`);
        else lines.push(...whole);
      }
    } catch (error) {
      // Ending the following breaks the connection it came through.
      if (!this.interrupted) throw error;
    } finally {
      clearInterval(alive);
      interrupts.stop();
    }
    if (rest !== '') lines.push(rest);
    return flags.follow ? undefined : { lines };
  }
}

/** A log may hold anything; a terminal only gets its text. */
export const logText = (text: string, terminal: Pick<Terminal, 'live'>): string =>
  terminal.live ? escapeInText(text.replace(styles, '').replace(/\r\n/g, '\n')) : text;

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours begin with
const styles = /\u001b\[[\d;]*m/g;
