/** Text that comes in pieces, made harmless as it comes: a piece may end in the middle of something. */
import { printable } from './printable.ts';

export class PrintableStream {
  readonly #dropStyles: boolean;
  #held = '';

  /** `dropStyles` leaves out the colours of a log, which are written out otherwise. */
  constructor({ dropStyles = false }: { dropStyles?: boolean } = {}) {
    this.#dropStyles = dropStyles;
  }

  /** What can be shown so far. */
  push(piece: string): string {
    const text = this.#held + piece;
    this.#held = unfinished.exec(text)?.[0] ?? '';
    return this.#shown(text.slice(0, text.length - this.#held.length));
  }

  /** What is left when no more comes. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return this.#shown(rest);
  }

  #shown(text: string): string {
    return printable(this.#dropStyles ? withoutStyles(text) : text, { multiline: true });
  }
}

/** The text of a log without its colours. */
export const withoutStyles = (text: string): string => text.replace(styles, '');

/** The first half of a CR LF, of a surrogate pair or of a colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours begin with
const unfinished = /(?:\r|[\ud800-\udbff]|\u001b(?:\[[\d;:]{0,32})?)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what colours begin with
const styles = /\u001b\[[\d;:]{0,32}m/g;
