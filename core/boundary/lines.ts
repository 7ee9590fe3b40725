/**
 * Splits a stream of JSON lines, at line feeds only: readline also splits at U+2028 and U+2029, which JSON allows
 * unescaped in strings.
 */
import { StringDecoder } from 'node:string_decoder';
import { BadInput } from './bad-input.ts';

/**
 * Pieces of an unfinished line to keep before joining them: kept apart, single bytes would cost 30 times their size.
 */
const maxPieces = 256;

export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxBytes: number;
  /** A long line arrives in many pieces, which are joined once. */
  #pieces: string[] = [];
  #bytes = 0;

  /** Longer lines are refused. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The lines that `chunk` completes. The rest is kept for the next call. Throws BadInput for a line that is too long.
   */
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
