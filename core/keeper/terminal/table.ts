/** Tables for a terminal: columns are as wide as their content, and cut to fit the terminal. */
import { printable } from '../../narration/printable.ts';
import { cutText, paint, type Terminal, textWidth } from '../../narration/text.ts';

type Style = Parameters<typeof paint>[0];

export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  /** Numbers are aligned to the right. */
  align?: 'right';
  /** May be cut if the terminal is too narrow; the widest such column first. */
  flexible?: boolean;
  style?: (row: Row) => Style | undefined;
}

const gap = '  ';
const narrowest = 6;

/** The table as text with a line ending after each line. Every cell is one line; with infinite width, nothing is cut. */
export const formatTable = <Row>(rows: readonly Row[], columns: readonly Column<Row>[], terminal: Terminal): string => {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const wanted = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((line) => textWidth(line[index] ?? ''))),
  );
  const widths = fit(wanted, columns, terminal.width);
  const line = (texts: readonly string[], style: (index: number) => Style | undefined): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const cut = cutText(text, width, terminal);
        const space = ' '.repeat(Math.max(0, width - textWidth(cut)));
        const chosen = style(index);
        const painted = chosen ? paint(chosen, cut, terminal) : cut;
        if (columns[index]?.align === 'right') return space + painted;
        return index === texts.length - 1 ? painted : painted + space;
      })
      .join(gap)
      .trimEnd();
  const head = line(
    columns.map((column) => column.title),
    () => 'bold',
  );
  const body = cells.map((texts, row) => line(texts, (index) => columns[index]?.style?.(rows[row] as Row)));
  return [head, ...body].map((text) => `${text}\n`).join('');
};

/** Narrows the widest flexible columns until the table fits or cannot get narrower. */
const fit = <Row>(wanted: readonly number[], columns: readonly Column<Row>[], width: number): number[] => {
  const widths = [...wanted];
  let over = widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1) - width;
  while (over > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const own = widths[index] ?? 0;
      if (column.flexible && own > narrowest && own > (widths[widest] ?? 0)) widest = index;
    }
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over--;
  }
  return widths;
};

/** Names and values, one pair per line; pairs without a value are left out. */
export const formatPairs = (
  pairs: readonly (readonly [string, string | null | undefined])[],
  terminal: Terminal,
): string => {
  const shown = pairs.filter((pair): pair is readonly [string, string] => Boolean(pair[1]));
  const width = Math.max(0, ...shown.map(([name]) => textWidth(name)));
  return shown
    .map(([name, value]) => `${paint('dim', name.padEnd(width), terminal)}${gap}${printable(value)}\n`)
    .join('');
};
