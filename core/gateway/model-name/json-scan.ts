/**
 * The `model` of a JSON object. The object is parsed on its first level up to that key. The rest is only searched for text that
 * could be the same key again, which is a hundred times faster than parsing it.
 */
import { givenTwice, invalidBody, type ModelScan, maxNameBytes, type Span, type Thoroughness } from './model-scan.ts';

const [quote, backslash, open, close, openList, closeList, colon, comma] = Buffer.from('"\\{}[]:,');
const spaces = new Set(Buffer.from(' \n\r\t'));
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

type State =
  | 'start'
  /** Before a key or the end of the object. */
  | 'key'
  | 'colon'
  | 'value'
  /** In a number or a literal. */
  | 'literal'
  /** In a nested object or array. */
  | 'nested'
  /** After a value. */
  | 'after'
  | 'done';

/** The key `model` is spelled as `plain`, or with an escape that starts like `escaped`: its letters are U+0064 to U+006F. */
const plain = '"model"';
const escaped = '\\u006';

/** Whether the text could contain the key twice. */
export const mayNameTwice = (text: string): boolean => {
  const first = text.indexOf(plain);
  return (first !== -1 && text.includes(plain, first + 1)) || text.includes(escaped);
};

const mayNameModel = (text: Buffer, from = 0): boolean =>
  text.indexOf(plain, from, 'latin1') !== -1 || text.indexOf(escaped, from, 'latin1') !== -1;

export class JsonScan implements ModelScan {
  readonly #isThorough: boolean;
  #state: State = 'start';
  /** Bytes read of an optional byte order mark. */
  #marks = 0;
  #depth = 0;
  #isModel = false;
  #model: string | undefined;
  #inString = false;
  /** Backslashes at the end of the part of a string read so far. */
  #slashes = 0;
  /** The raw string, if it is a key or the model. */
  #kept: Buffer[] | undefined;
  #keptBytes = 0;
  #isUnsure = false;
  /** Bytes of the pieces before this one. */
  #before = 0;
  #span: Span | undefined;
  /** The end of the last piece after the model: the key may be split between two pieces. */
  #tail: Buffer | undefined;

  constructor(thoroughness: Thoroughness = 'quick') {
    this.#isThorough = thoroughness === 'thorough';
  }

  get isUnsure(): boolean {
    return this.#isUnsure;
  }

  /** With the quotes. */
  get span(): Span | undefined {
    return this.#span;
  }

  push(piece: Buffer): void {
    let at = 0;
    while (at < piece.length && this.#state !== 'done') {
      if (this.#inString) at = this.#readString(piece, at);
      else {
        const byte = piece[at]!;
        if (!spaces.has(byte)) this.#take(byte);
        at += 1;
      }
    }
    if (this.#model !== undefined && !this.#isThorough && !this.#isUnsure) this.#search(piece, at);
    this.#before += piece.length;
  }

  end(): string | undefined {
    if (this.#state === 'start') throw invalidBody('it is not a JSON object');
    if (this.#state !== 'done') throw invalidBody('it ends too early');
    return this.#model;
  }

  #search(piece: Buffer, from: number): void {
    const seam = this.#tail && Buffer.concat([this.#tail, piece.subarray(0, plain.length - 1)]);
    this.#isUnsure = mayNameModel(piece, from) || (seam !== undefined && mayNameModel(seam));
    const behind = piece.subarray(from);
    const last = this.#tail && behind.length < plain.length ? Buffer.concat([this.#tail, behind]) : behind;
    this.#tail = Buffer.from(last.subarray(Math.max(0, last.length - plain.length + 1)));
  }

  #take(byte: number): void {
    switch (this.#state) {
      case 'start':
        if (byte === open) this.#state = 'key';
        else if (byte === byteOrderMark[this.#marks]) this.#marks += 1;
        else throw invalidBody('it is not a JSON object');
        return;
      case 'key':
        if (byte === quote) this.#beginString(true);
        else if (byte === close) this.#state = 'done';
        else throw invalidBody('it is not JSON, or it ends too early');
        return;
      case 'colon':
        if (byte !== colon) throw invalidBody('a colon is missing');
        this.#state = 'value';
        return;
      case 'value':
        if (byte === quote) this.#beginString(this.#isModel);
        else if (this.#isModel) throw invalidBody('model must be a string', { param: 'model' });
        else if (byte === open || byte === openList) {
          this.#depth = 1;
          this.#state = 'nested';
        } else this.#state = 'literal';
        return;
      case 'nested':
        if (byte === quote) this.#beginString(false);
        else if (byte === open || byte === openList) this.#depth += 1;
        else if (byte === close || byte === closeList) this.#depth -= 1;
        if (this.#depth === 0) this.#state = 'after';
        return;
      case 'literal':
      case 'after':
        if (byte === comma) this.#state = 'key';
        else if (byte === close) this.#state = 'done';
        else if (this.#state === 'after') throw invalidBody('it is not JSON, or it ends too early');
        return;
      case 'done':
    }
  }

  #beginString(keep: boolean): void {
    this.#inString = true;
    this.#slashes = 0;
    this.#kept = keep ? [] : undefined;
    this.#keptBytes = 0;
  }

  /** Returns where to continue: after the closing quote, which is the next with an even number of backslashes before it. */
  #readString(piece: Buffer, start: number): number {
    for (let from = start; ; ) {
      const found = piece.indexOf(quote!, from);
      const end = found === -1 ? piece.length : found;
      let slashes = 0;
      while (end - slashes > from && piece[end - 1 - slashes] === backslash) slashes += 1;
      if (end - slashes === from) slashes += this.#slashes;
      if (found === -1) {
        this.#slashes = slashes;
        this.#keep(piece.subarray(start));
        return piece.length;
      }
      this.#slashes = 0;
      from = found + 1;
      if (slashes % 2 === 1) continue;
      this.#keep(piece.subarray(start, found));
      this.#endString(this.#before + from);
      return from;
    }
  }

  /** A string longer than the limit cannot be the key; as the model it is refused. */
  #keep(bytes: Buffer): void {
    if (!this.#kept) return;
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > maxNameBytes) {
      if (this.#state === 'value') throw invalidBody('the name of the model is too long', { param: 'model' });
      this.#kept = undefined;
    } else this.#kept.push(Buffer.from(bytes));
  }

  /** `end` is the offset in the body after the closing quote. */
  #endString(end: number): void {
    this.#inString = false;
    if (this.#state === 'nested') return;
    const text = this.#kept && unquoted(Buffer.concat(this.#kept));
    if (this.#state === 'key') {
      this.#isModel = text === 'model';
      this.#state = 'colon';
    } else if (this.#isModel) {
      if (this.#model !== undefined) throw givenTwice();
      this.#model = text;
      this.#span = [end - this.#keptBytes - 2, end];
      this.#isModel = false;
      this.#state = this.#isThorough ? 'after' : 'done';
    } else this.#state = 'after';
  }
}

const unquoted = (bytes: Buffer): string => {
  try {
    return JSON.parse(`"${bytes.toString('utf8')}"`) as string;
  } catch (cause) {
    throw invalidBody('a string in it is not JSON', { cause });
  }
};
