/**
 * Splits a stream of JSON lines. A line ends at a line feed and nowhere else: readline also splits at U+2028 and U+2029,
 * which JSON leaves unescaped inside strings.
 */
import { StringDecoder } from 'node:string_decoder';
import { BadInput } from './bad-input.ts';

/** Pieces of an unfinished line that are kept apart before they are joined: single bytes would cost 30 times their size. */
const maxPieces = 256;

export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxBytes: number;
  /** A long line comes in many pieces, and is joined once. */
  #pieces: string[] = [];
  #bytes = 0;

  /** A line of more than `maxBytes` is refused. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `chunk` completes. What follows the last line feed is kept. Throws BadInput for a line that is too long. */
  push(chunk: Buffer): string[] {
    const text = this.#decoder.write(chunk);
    // Most chunks are one whole line.
    const isOneLine = text !== '' && text.indexOf('\n') === text.length - 1;
    if (isOneLine && this.#bytes === 0 && text.length <= this.#maxBytes) {
      return [withoutReturn(text.slice(0, -1))];
    }
    this.#bytes += chunk.length;
    const [rest = '', ...starts] = text.split('\n');
    this.#pieces.push(rest);
    if (starts.length === 0) {
      if (this.#bytes > this.#maxBytes) {
        this.#pieces = [];
        throw new BadInput(`a line is longer than ${this.#maxBytes} bytes`);
      }
      if (this.#pieces.length > maxPieces) this.#pieces = [this.#pieces.join('')];
    }
    return starts.map((next) => {
      const line = this.#pieces.join('');
      this.#pieces = [next];
      this.#bytes = next.length;
      return withoutReturn(line);
    });
  }
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
