/**
 * Lines of a stream of JSON. They end at a line feed and nowhere else: readline also ends them at U+2028 and U+2029,
 * which JSON leaves as they are inside of strings.
 */
import { StringDecoder } from 'node:string_decoder';

/** Who never ends a line would fill the memory of whoever listens. */
export class LineTooLong extends Error {
  constructor(most: number) {
    super(`a line of more than ${most / 2 ** 20} MiB came`);
  }
}

/** What a machine has to say in one line is far less. */
export const mostLineBytes = 64 * 2 ** 20;

export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #most: number;
  /** A long line comes in many pieces, and is put together once. */
  #begun: string[] = [];
  #bytes = 0;

  constructor(most: number = mostLineBytes) {
    this.#most = most;
  }

  /** The lines that `chunk` ends. What is left after the last line feed is no line. Throws LineTooLong. */
  push(chunk: Buffer): string[] {
    this.#bytes += chunk.length;
    const [rest = '', ...starts] = this.#decoder.write(chunk).split('\n');
    this.#begun.push(rest);
    if (starts.length === 0 && this.#bytes > this.#most) {
      this.#begun = [];
      throw new LineTooLong(this.#most);
    }
    return starts.map((next) => {
      const line = this.#begun.join('');
      this.#begun = [next];
      this.#bytes = next.length;
      return line.endsWith('\r') ? line.slice(0, -1) : line;
    });
  }
}
