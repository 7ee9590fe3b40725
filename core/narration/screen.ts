/**
 * A text stream and what it can show. All output of rbee goes through here: each method makes its input safe to print, so
 * that callers need not care.
 */
import { printable, printableData, printableJson } from './printable.ts';
import { PrintableStream } from './printable-stream.ts';
import type { Terminal } from './text.ts';

export interface TextSink {
  write(text: string): unknown;
}

export class Screen {
  readonly terminal: Terminal;
  readonly #sink: TextSink;

  constructor(sink: TextSink, terminal: Terminal) {
    this.#sink = sink;
    this.terminal = terminal;
  }

  /** Formats and shows data from any source. `format` gets it printable: no value in it can end a line. */
  show<Data>(data: Data, format: (data: Data, terminal: Terminal) => string): void {
    this.write(format(printableData(data), this.terminal));
  }

  /** One line, whatever the text contains. */
  line(text: string): void {
    this.#sink.write(`${printable(text)}\n`);
  }

  /** Text of several lines. */
  text(text: string): void {
    this.#sink.write(printable(text, { multiline: true }));
  }

  /** Text in pieces: `push` shows each piece, `end` shows what was held back. */
  stream(options?: { dropStyles?: boolean }): { push(piece: string): void; end(): void } {
    const pieces = new PrintableStream(options);
    return {
      push: (piece) => void this.#sink.write(pieces.push(piece)),
      end: () => void this.#sink.write(pieces.end()),
    };
  }

  /** One JSON value, on one line unless indented. */
  json(value: unknown, indent?: number): void {
    this.#sink.write(`${printableJson(value, indent)}\n`);
  }

  /** Lines of our own, with data that is already printable. Keeps the styles of `paint`, and escapes all other controls. */
  write(text: string): void {
    const parts = text.split(ownStyles);
    this.#sink.write(parts.map((part, at) => (at % 2 === 1 ? part : printable(part, { multiline: true }))).join(''));
  }

  /** Moves the cursor. */
  move(how: keyof typeof moves): void {
    this.#sink.write(moves[how]);
  }
}

/** Bold, dim, italic, underlined and the sixteen colours, on and off. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with ESC
const ownStyles = /(\u001b\[(?:[0-4]|2[2-4]|3[0-79]|9[0-7])m)/;

const moves = {
  'clear line': '\r\u001b[2K',
  'clear line above': '\u001b[1A\u001b[2K',
  'clear screen': '\u001b[H\u001b[2J',
} as const;
