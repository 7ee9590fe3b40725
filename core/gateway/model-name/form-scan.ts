/** The text of the field `model` of a multipart form, at any position; contents of files are skipped. */
import { givenTwice, invalidBody, type ModelScan, maxNameBytes, type Span } from './model-scan.ts';

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** Before the first delimiter; right after a delimiter; in the headers of a field; in its content; after the last delimiter. */
type State = 'before' | 'delimiter' | 'head' | 'content' | 'done';

export class FormScan implements ModelScan {
  readonly #delimiter: Buffer;
  #state: State = 'before';
  /** The unprocessed end of the last piece. Starts with a line break, because the first delimiter needs none before it. */
  #rest: Buffer = lineEnd;
  #isModel = false;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #model: string | undefined;
  /** Offset in the body where `#rest` begins. */
  #restAt = -lineEnd.length;
  #span: Span | undefined;
  /** A form is always parsed to its end. */
  readonly isUnsure = false;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  push(piece: Buffer): void {
    if (this.#state === 'done') return;
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    for (;;) {
      const next = this.#step(bytes, at);
      if (next === undefined) break;
      at = next;
    }
    // Copied, because the piece may be overwritten.
    const kept = this.#isDone() ? bytes.length : this.#skip(bytes, at);
    this.#rest = Buffer.from(bytes.subarray(kept));
    this.#restAt += kept;
  }

  get span(): Span | undefined {
    return this.#span;
  }

  end(): string | undefined {
    if (this.#state === 'before') throw invalidBody('the boundary that its content type names is not in it');
    if (!this.#isDone()) throw invalidBody('it is not a whole multipart form');
    return this.#model;
  }

  /** Returns where to continue; undefined if more has to arrive first, or at the end of the form. */
  #step(bytes: Buffer, at: number): number | undefined {
    if (this.#state === 'done') return undefined;
    if (this.#state === 'delimiter') {
      if (bytes.length < at + 2) return undefined;
      const mark = bytes.toString('latin1', at, at + 2);
      if (mark !== '\r\n' && mark !== '--') throw invalidBody('it is not a whole multipart form');
      this.#state = mark === '--' ? 'done' : 'head';
      return at + 2;
    }
    if (this.#state === 'head') {
      // If there are no headers, the line break after the delimiter is the first half of `headEnd`.
      const end = bytes.indexOf(headEnd, Math.max(0, at - 2));
      if (end === -1) {
        if (bytes.length - at > maxNameBytes) throw invalidBody('the head of a field is too long');
        return undefined;
      }
      this.#isModel = nameOf(bytes.toString('latin1', at, Math.max(at, end))) === 'model';
      if (this.#isModel && this.#model !== undefined) throw givenTwice();
      this.#state = 'content';
      // Continue at the second line break: for an empty field, it is the start of the next delimiter.
      return end + 2;
    }
    const found = bytes.indexOf(this.#delimiter, at);
    if (found === -1) return undefined;
    if (this.#state === 'content' && this.#isModel) {
      this.#keep(bytes.subarray(at, found));
      this.#model = Buffer.concat(this.#kept).subarray(lineEnd.length).toString('utf8');
      const end = this.#restAt + found;
      this.#span = [end - this.#keptBytes + lineEnd.length, end];
    }
    this.#state = 'delimiter';
    return found + this.#delimiter.length;
  }

  /** Where the part begins that must be kept until more has arrived. */
  #skip(bytes: Buffer, at: number): number {
    if (this.#state !== 'before' && this.#state !== 'content') return at;
    const from = Math.max(at, bytes.length - this.#delimiter.length + 1);
    if (this.#state === 'content' && this.#isModel) this.#keep(bytes.subarray(at, from));
    return from;
  }

  #keep(bytes: Buffer): void {
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > maxNameBytes) throw invalidBody('the name of the model is too long', { param: 'model' });
    this.#kept.push(Buffer.from(bytes));
  }

  #isDone(): boolean {
    return this.#state === 'done';
  }
}

/** The name of a field from its headers. Throws INVALID_INPUT if it has two: some engines use the first, some the last. */
const nameOf = (head: string): string | undefined => {
  const lines = head.replace(/\r\n[ \t]+/g, ' ').match(/^content-disposition:.*/gim) ?? [];
  const names = lines
    .flatMap((line) => [...line.matchAll(parameters)])
    .filter(([, name = '']) => /^name\*?$/i.test(name));
  if (names.length > 1) throw invalidBody('a field has two names');
  const [, , quoted, bare] = names[0] ?? [];
  return quoted?.replace(/\\(.)/g, '$1') ?? bare?.trim();
};

/** Matches quoted strings as a whole, so that text in a file name is not taken for a parameter. */
const parameters = /;\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/g;
