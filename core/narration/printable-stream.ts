/** Makes streamed text printable, even if a piece ends in the middle of a sequence. */
import { printable } from './printable.ts';

export class PrintableStream {
  readonly #dropStyles: boolean;
  #held = '';

  /** `dropStyles` removes the colours of a log, which would be escaped otherwise. */
  constructor({ dropStyles = false }: { dropStyles?: boolean } = {}) {
    this.#dropStyles = dropStyles;
  }

  /** The part that can be shown so far. */
  push(piece: string): string {
    const text = this.#held + piece;
    this.#held = unfinished.exec(text)?.[0] ?? '';
    return this.#shown(text.slice(0, text.length - this.#held.length));
  }

  /** The rest, at the end of the stream. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return this.#shown(rest);
  }

  #shown(text: string): string {
    return printable(this.#dropStyles ? withoutStyles(text) : text, { multiline: true });
  }
}

/** Removes the colours from the text of a log. */
export const withoutStyles = (text: string): string => text.replace(styles, '');

/** The first half of a CR LF, of a surrogate pair or of a colour. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with ESC
const unfinished = /(?:\r|[\ud800-\udbff]|\u001b(?:\[[\d;:]{0,32})?)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with ESC
const styles = /\u001b\[[\d;:]{0,32}m/g;
