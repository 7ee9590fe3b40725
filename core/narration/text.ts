/** Text on a terminal: styles, width, and truncation. */
import { styleText } from 'node:util';

/** What a text stream can show. */
export interface Terminal {
  /** Columns; Infinity if nothing is cut, as in a pipe. */
  width: number;
  rows: number;
  /** Whether lines can be redrawn. */
  live: boolean;
  colour: boolean;
  unicode: boolean;
}

type Style = Parameters<typeof styleText>[0];

/** Styles text if the terminal shows colours. */
export const paint = (style: Style, text: string, terminal: Pick<Terminal, 'colour'>): string =>
  terminal.colour ? styleText(style, text, { validateStream: false }) : text;

/** Reads from the environment what a stream can show. Respects `NO_COLOR` and `FORCE_COLOR`. */
export const terminalOf = (
  stream: { isTTY?: boolean; columns?: number; rows?: number },
  env: NodeJS.ProcessEnv,
): Terminal => {
  const tty = stream.isTTY === true && env['TERM'] !== 'dumb';
  const forced = Boolean(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0';
  return {
    width: stream.isTTY === true ? stream.columns || 80 : Number.POSITIVE_INFINITY,
    rows: stream.rows || 24,
    live: tty,
    colour: !env['NO_COLOR'] && (tty || forced),
    unicode: /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''),
  };
};

const plain = /^[\x20-\x7e]*$/;
const zeroWide = /[\p{Mn}\p{Me}\p{Cf}]/u;
const twoWide =
  /[\u1100-\u115f\u231a\u231b\u23e9-\u23ec\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const widthOf = (character: string): number => (zeroWide.test(character) ? 0 : twoWide.test(character) ? 2 : 1);

/** The width in columns of text without styles. */
export const textWidth = (text: string): number => {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
};

/** Cuts text without styles to `width` columns, with an ellipsis if something is missing. */
export const cutText = (text: string, width: number, { unicode }: Pick<Terminal, 'unicode'>): string => {
  if (textWidth(text) <= width) return text;
  const ellipsis = unicode ? '…' : '~';
  if (width < 1) return '';
  let used = 1;
  let kept = '';
  for (const character of text) {
    used += widthOf(character);
    if (used > width) break;
    kept += character;
  }
  return kept + ellipsis;
};
