/**
 * Text from outside, made harmless: what would steer a terminal, reverse or hide a part of a line, or end a line early is
 * written out, as `\x1b` or `\u202e`. Everything that rbee shows goes through here; see `screen.ts`.
 */

export interface PrintableOptions {
  /** Line feeds, tabs and the break marks of scripts without spaces stay, and CR LF ends a line. For logs and answers. */
  multiline?: boolean;
}

/** The text as it may be shown. What is harmless already is returned as it is. */
export const printable = (text: string, { multiline = false }: PrintableOptions = {}): string => {
  if (plainLine.test(text)) return text;
  if (!multiline) return text.replace(unsafe, writtenOut);
  return text.replaceAll('\r\n', '\n').replace(unsafe, (found) => (keptInText.has(found) ? found : writtenOut(found)));
};

/** The same value with every string in it printable, the keys of its objects too. */
export const printableData = <Data>(value: Data, options?: PrintableOptions): Data => clean(value, options) as Data;

/**
 * JSON whose bytes are as harmless as its meaning is exact: JSON.stringify leaves C1 controls, changes of direction and
 * line separators as they are.
 */
export const printableJson = (value: unknown, indent?: number): string =>
  printableJsonText(JSON.stringify(value, null, indent) ?? 'null');

/** The same for a text that is JSON already. */
export const printableJsonText = (json: string): string =>
  plainText.test(json)
    ? json
    : json
        .replaceAll(/\r\n?/g, '\n')
        .replace(unsafe, (found) => (found === '\n' || found === '\t' ? found : jsonEscapes(found)));

/**
 * JSON inside a line for people, of data that is printable already: its backslashes are those of written out characters,
 * and are not doubled.
 */
export const jsonForPeople = (value: unknown): string => (JSON.stringify(value) ?? '').replaceAll('\\\\', '\\');

const plainLine = /^[\x20-\x7e]*$/;
const plainText = /^[\n\x20-\x7e]*$/;

/**
 * Controls, separators, lone halves of surrogate pairs, and characters that show nothing. Of the last, those stay that
 * emoji and scripts are made of: joiners and selectors of a variant. Flags of parts of a country are whole words of
 * invisible letters; they match as a whole, and stay.
 */
const unsafe =
  /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}|[[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]--[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]]/gv;
const flag = '\u{1f3f4}';
const keptInText: ReadonlySet<string> = new Set(['\n', '\t', '\u200b']);
const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const writtenOut = (found: string): string => {
  if (found.startsWith(flag)) return found;
  const code = found.codePointAt(0) ?? 0;
  if (code < 0x80) return short[found] ?? `\\x${hex(code, 2)}`;
  return code > 0xffff ? `\\u{${hex(code, 5)}}` : `\\u${hex(code, 4)}`;
};

const jsonEscapes = (found: string): string =>
  found.startsWith(flag)
    ? found
    : Array.from({ length: found.length }, (_, index) => `\\u${hex(found.charCodeAt(index), 4)}`).join('');

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');

const clean = (value: unknown, options: PrintableOptions | undefined): unknown => {
  if (typeof value === 'string') return printable(value, options);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => clean(item, options));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const entries = Object.entries(value);
  const cleaned = entries.map(([key, each]) => [printable(key), clean(each, options)] as const);
  const isClean = cleaned.every(([key, each], index) => key === entries[index]?.[0] && each === entries[index]?.[1]);
  // `fromEntries` makes a key `__proto__` an ordinary one.
  return isClean ? value : Object.fromEntries(cleaned);
};
