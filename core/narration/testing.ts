/** For tests of what is printed: screens that keep it, and what a terminal makes of it. */
import type { Screen } from './people.ts';

/** A screen that keeps what is written. */
export const recorder = (live: boolean, width = 60): Screen & { text: () => string } => {
  let written = '';
  return {
    stream: {
      write: (text: string) => {
        written += text;
        return true;
      },
    },
    terminal: { width: live ? width : Number.POSITIVE_INFINITY, rows: 24, live, colour: false, unicode: true },
    text: () => written,
  };
};

/** What a terminal shows after these bytes: enough of one for what the printer uses. */
export const shown = (bytes: string): string[] => {
  const lines = [''];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what moves a cursor
  for (const [token] of bytes.matchAll(/\u001b\[1A|\u001b\[2K|\r|\n|[^\u001b\r\n]+/g)) {
    if (token === '\u001b[1A') lines.pop();
    else if (token === '\u001b[2K') lines[lines.length - 1] = '';
    else if (token === '\n') lines.push('');
    else if (token !== '\r') lines[lines.length - 1] += token;
  }
  return lines;
};
