/** Text as an attacker would send it to steer a terminal, forge a line or hide part of one; and how to detect it. */

/**
 * OSC (clipboard, title), CSI, C1, NUL, DEL, CR LF with a forged line, a colour, changes of direction, separators, and
 * letters that show nothing.
 */
export const hostileText =
  'evil\u001b]52;c;aGFjaw==\u0007\u001b]0;t\u001b\\\u001b[2J\u001b[31mFORGED\u009b31m\u009d0;x\u009c\u0000\u007f\r\nFORGED line\r\u202e\u2066\u200f\u061c\u2028\u2029\ufeff\u{e0041}end';

/** The same for text that may have several lines, such as answers and logs. */
export const hostileLines = hostileText.replace('\r\nFORGED line', '\r\nnext line');

/** For argv, which cannot hold a NUL, and for file names, which cannot hold a slash either. */
export const hostileWord = hostileText.replace('\u0000', '');

/** Keys whose values decide what a view does; all other strings become hostile. */
const decisive = new Set(['kind', 'code', 'because']);

/** The value with every string, and every key of a record, replaced by hostile text. */
export const hostile = <Data>(value: Data, keep: ReadonlySet<string> = decisive): Data => spoilt(value, keep) as Data;

const spoilt = (value: unknown, keep: ReadonlySet<string>): unknown => {
  if (typeof value === 'string') return hostileText;
  if (Array.isArray(value)) return value.map((one) => spoilt(one, keep));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key === aKey ? hostileText : key,
      keep.has(key) ? each : spoilt(each, keep),
    ]),
  );
};

/** Stands in samples for a key that comes from outside. */
export const aKey = '(key)';

/** `decisive` and these keys. */
export const keeping = (...keys: string[]): ReadonlySet<string> => new Set([...decisive, ...keys]);

// biome-ignore lint/suspicious/noControlCharactersInRegex: rbee styles text and moves the cursor with them
const own = /\u001b\[(?:[0-4]|2[2-4]|3[0-79]|9[0-7])m|\r\u001b\[2K|\u001b\[1A\u001b\[2K|\u001b\[H\u001b\[2J|\r+\n/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: readline moves the cursor with it
const readline = /\u001b\[\d+G|\u001b\[0?J/g;
const steering =
  /[[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]--[\n\t\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]]/gv;

/** Harmful parts of the output; none when all is well. On a terminal, rbee's own styles are allowed. */
export const harmIn = (bytes: Buffer, { terminal = false }: { terminal?: boolean } = {}): string[] => {
  const text = new TextDecoder('utf8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const rest = terminal ? text.replaceAll(own, '\n').replaceAll(readline, '') : text;
  const harm = [...rest.matchAll(steering)].map(({ 0: found, index }) =>
    JSON.stringify(rest.slice(Math.max(0, index - 30), index + found.length + 10)),
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with it
  if (/\u001b\[[\d;]*mFORGED/.test(text)) harm.push('a colour from outside');
  if (/^\W*FORGED line/m.test(rest)) harm.push('a line from outside');
  return harm;
};
