/** For tests of output: a screen that keeps it, and what a terminal would show. */
import { Screen } from './screen.ts';

/** A screen that keeps its output. */
export class Recorder extends Screen {
  readonly #written: string[];

  constructor(live: boolean, width = 60) {
    const written: string[] = [];
    const terminal = { width: live ? width : Number.POSITIVE_INFINITY, rows: 24, live, colour: false, unicode: true };
    super({ write: (text) => written.push(text) }, terminal);
    this.#written = written;
  }

  get written(): string {
    return this.#written.join('');
  }
}

export const recorder = (live: boolean, width?: number): Recorder => new Recorder(live, width);

/** What a terminal shows after these bytes, for the sequences that the printer uses. */
export const shown = (bytes: string): string[] => {
  const lines = [''];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they move the cursor
  for (const [token] of bytes.matchAll(/\u001b\[1A|\u001b\[2K|\r|\n|[^\u001b\r\n]+/g)) {
    if (token === '\u001b[1A') lines.pop();
    else if (token === '\u001b[2K') lines[lines.length - 1] = '';
    else if (token === '\n') lines.push('');
    else if (token !== '\r') lines[lines.length - 1] += token;
  }
  return lines;
};
