/** Lines of an engine's output, for its adapter's log. */
import { StringDecoder } from 'node:string_decoder';

/** Longer lines are split: an engine may print a whole file without a line break. */
const maxLineLength = 16_384;
/** An engine may overwrite its progress line a hundred times a second; the log gets one such line per this many ms. */
const overwrittenEveryMs = 500;

export interface LineReader {
  push(chunk: Buffer): void;
  /** The last output, without a line ending. */
  end(): void;
}

/**
 * Calls `onLine` with every line, including those that end with a carriage return so that the next one overwrites them,
 * and `toLog` with all lines but few of these.
 */
export const createLineReader = (
  toLog: (line: string) => void,
  onLine: (line: string) => void,
  now: () => number = () => performance.now(),
): LineReader => {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let overwritten = Number.NEGATIVE_INFINITY;

  const give = (line: string, isOverwritten: boolean) => {
    if (line.trim() === '') return;
    onLine(line);
    if (isOverwritten) {
      if (now() - overwritten < overwrittenEveryMs) return;
      overwritten = now();
    }
    toLog(line);
  };

  const read = () => {
    let start = 0;
    for (let at = 0; at < rest.length; at += 1) {
      const isReturn = rest[at] === '\r';
      if (!isReturn && rest[at] !== '\n') continue;
      // It is not known yet whether a line feed follows this carriage return.
      if (isReturn && at === rest.length - 1) break;
      const isPair = isReturn && rest[at + 1] === '\n';
      give(rest.slice(start, at), isReturn && !isPair);
      if (isPair) at += 1;
      start = at + 1;
    }
    rest = rest.slice(start);
    while (rest.length > maxLineLength) {
      give(rest.slice(0, maxLineLength), false);
      rest = rest.slice(maxLineLength);
    }
  };

  return {
    push: (chunk) => {
      rest += decoder.write(chunk);
      read();
    },
    end: () => {
      rest += decoder.end();
      give(rest.replace(/\r$/, ''), false);
      rest = '';
    },
  };
};
