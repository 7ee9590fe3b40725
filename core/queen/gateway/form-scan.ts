/** The text of the field `model` of a multipart form, wherever it is; contents of files are skipped. */
import { givenTwice, invalidBody, type ModelScan, mostNameBytes } from './model-scan.ts';

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** Before the first delimiter; right behind one; in the head of a field; in its content. */
type State = 'before' | 'delimiter' | 'head' | 'content' | 'done';

export class FormScan implements ModelScan {
  readonly #delimiter: Buffer;
  #state: State = 'before';
  /** The end of what has been seen, as far as it may belong to something; the first delimiter needs no line before it. */
  #rest: Buffer = lineEnd;
  #isModel = false;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #model: string | undefined;
  /** A form is always read to its end. */
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
    // A copy: the piece is not ours to keep.
    this.#rest = this.#isDone() ? Buffer.alloc(0) : Buffer.from(bytes.subarray(this.#skip(bytes, at)));
  }

  end(): string | undefined {
    if (this.#state === 'before') throw invalidBody('the boundary that its content type names is not in it');
    if (!this.#isDone()) throw invalidBody('it is not a whole multipart form');
    return this.#model;
  }

  /** Gives where to go on, or undefined when more has to arrive first, or nothing is wanted any more. */
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
      // A head may be empty: then the line break that ended the delimiter is the first half of its end.
      const end = bytes.indexOf(headEnd, Math.max(0, at - 2));
      if (end === -1) {
        if (bytes.length - at > mostNameBytes) throw invalidBody('the head of a field is too long');
        return undefined;
      }
      this.#isModel = nameOf(bytes.toString('latin1', at, Math.max(at, end))) === 'model';
      if (this.#isModel && this.#model !== undefined) throw givenTwice();
      this.#state = 'content';
      // An empty field ends at once: its delimiter begins with the line break that ended the head.
      return end + 2;
    }
    const found = bytes.indexOf(this.#delimiter, at);
    if (found === -1) return undefined;
    if (this.#state === 'content' && this.#isModel) {
      this.#keep(bytes.subarray(at, found));
      this.#model = Buffer.concat(this.#kept).subarray(lineEnd.length).toString('utf8');
    }
    this.#state = 'delimiter';
    return found + this.#delimiter.length;
  }

  /** Where that begins of which more has to arrive. */
  #skip(bytes: Buffer, at: number): number {
    if (this.#state !== 'before' && this.#state !== 'content') return at;
    const from = Math.max(at, bytes.length - this.#delimiter.length + 1);
    if (this.#state === 'content' && this.#isModel) this.#keep(bytes.subarray(at, from));
    return from;
  }

  #keep(bytes: Buffer): void {
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > mostNameBytes) throw invalidBody('the name of the model is too long');
    this.#kept.push(Buffer.from(bytes));
  }

  #isDone(): boolean {
    return this.#state === 'done';
  }
}

/** The name of a field by its head. Throws INVALID_INPUT where it has two: engines take the first or the last. */
const nameOf = (head: string): string | undefined => {
  const lines = head.replace(/\r\n[ \t]+/g, ' ').match(/^content-disposition:.*/gim) ?? [];
  const names = lines
    .flatMap((line) => [...line.matchAll(parameters)])
    .filter(([, name = '']) => /^name\*?$/i.test(name));
  if (names.length > 1) throw invalidBody('a field has two names');
  const [, , quoted, bare] = names[0] ?? [];
  return quoted?.replace(/\\(.)/g, '$1') ?? bare?.trim();
};

/** Quoted strings are matched whole: what looks like a parameter in the name of a file is none. */
const parameters = /;\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/g;
