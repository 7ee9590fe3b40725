/**
 * Makes text from outside safe to print: what would control a terminal, reverse or hide part of a line, or end a line is
 * escaped, as `\x1b` or `\u202e`. Everything that rbee shows goes through here; see `screen.ts`.
 */

export interface PrintableOptions {
  /** For logs and answers: keeps line feeds, tabs and zero-width spaces, and turns CR LF into a line feed. */
  multiline?: boolean;
}

/** The text, safe to show. Returns safe text unchanged. */
export const printable = (text: string, { multiline = false }: PrintableOptions = {}): string => {
  if (plainLine.test(text)) return text;
  if (!multiline) return text.replace(unsafe(), writtenOut);
  return text
    .replaceAll('\r\n', '\n')
    .replace(unsafe(), (found) => (keptInText.has(found) ? found : writtenOut(found)));
};

/** The same value with all strings printable, including object keys. */
export const printableData = <Data>(value: Data, options?: PrintableOptions): Data => clean(value, options) as Data;

/**
 * JSON that is safe to show and has the same meaning: JSON.stringify keeps C1 controls, direction changes and
 * line separators.
 */
export const printableJson = (value: unknown, indent?: number): string =>
  printableJsonText(JSON.stringify(value, null, indent) ?? 'null');

/** The same for text that is already JSON. */
export const printableJsonText = (json: string): string =>
  plainText.test(json)
    ? json
    : json
        .replaceAll(/\r\n?/g, '\n')
        .replace(unsafe(), (found) => (found === '\n' || found === '\t' ? found : jsonEscapes(found)));

/**
 * JSON inside a line for people, of data that is already printable: its backslashes are those of escaped characters
 * and are not doubled.
 */
export const jsonForPeople = (value: unknown): string => (JSON.stringify(value) ?? '').replaceAll('\\\\', '\\');

const plainLine = /^[\x20-\x7e]*$/;
const plainText = /^[\n\x20-\x7e]*$/;

/**
 * Controls, separators, lone surrogates, and invisible characters, except those that
 * emoji and scripts need: joiners and variation selectors. Flags of regions are whole words of
 * invisible letters; they match as a whole, and are kept.
 */
const unsafeSource =
  String.raw`\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}|` +
  String.raw`[[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]--` +
  String.raw`[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]]`;
let compiled: RegExp | undefined;

/** Compiled on first use: that takes a millisecond, and most commands only print ASCII. */
const unsafe = (): RegExp => {
  compiled ??= new RegExp(unsafeSource, 'gv');
  return compiled;
};

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
  if (typeof value !== 'object' || value === null || isPlain(value)) return value;
  if (Array.isArray(value)) return value.map((item) => clean(item, options));
  // `fromEntries` treats `__proto__` as an ordinary key.
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [printable(key), clean(each, options)]));
};

/** Whether everything in it is printable ASCII. Most data is, and is not copied. */
const isPlain = (value: unknown): boolean => {
  if (typeof value === 'string') return plainLine.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  for (const key of Object.keys(value)) {
    if (!plainLine.test(key) || !isPlain((value as Record<string, unknown>)[key])) return false;
  }
  return true;
};
