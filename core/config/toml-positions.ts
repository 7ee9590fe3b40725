/** Positions in a valid TOML text: of keys, array elements and tables, and the lines that tables span. */

export interface Position {
  line: number;
  column: number;
}

/** Keys and indexes from the root: `['hive', 0, 'run', 1, 'device']`. */
export type TomlPath = readonly (string | number)[];

/** A `[table]` or `[[table]]` line. */
export interface TomlHeader {
  path: TomlPath;
  /** Line numbers from 1: of the header, and of the last line of its body. */
  line: number;
  lastLine: number;
}

export interface TomlPositions {
  /** The position of a value, or else of the nearest one around it. */
  at(path: TomlPath): Position;
  /** In text order. */
  headers: readonly TomlHeader[];
}

/** Scans the text once. */
export const tomlPositions = (source: string): TomlPositions => {
  const found = new Map<string, number>();
  const headers: TomlHeader[] = [];
  const lineOf = lines(source);
  new Walk(source, found, (path, from) => {
    const line = lineOf(from).line;
    headers.push({ path, line, lastLine: line });
    return (to) => {
      headers[headers.length - 1]!.lastLine = Math.max(line, lineOf(to).line);
    };
  }).run();
  return {
    headers,
    at: (path) => {
      for (let length = path.length; length > 0; length--) {
        const offset = found.get(JSON.stringify(path.slice(0, length)));
        if (offset !== undefined) return lineOf(offset);
      }
      return { line: 1, column: 1 };
    },
  };
};

export const positionIn = (source: string, offset: number): Position => lines(source)(offset);

/** Converts an offset to line and column, by binary search. */
const lines = (source: string): ((offset: number) => Position) => {
  const starts = [0];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
};

type OnHeader = (path: TomlPath, offset: number) => (end: number) => void;

const bare = /[A-Za-z0-9_-]/;

class Walk {
  readonly #source: string;
  readonly #found: Map<string, number>;
  readonly #onHeader: OnHeader;
  /** Elements so far of each array of tables. */
  readonly #counts = new Map<string, number>();
  #at = 0;

  constructor(source: string, found: Map<string, number>, onHeader: OnHeader) {
    this.#source = source;
    this.#found = found;
    this.#onHeader = onHeader;
  }

  run(): void {
    let table: TomlPath = [];
    let grow: (end: number) => void = () => {};
    for (this.#skip(); this.#at < this.#source.length; this.#skip()) {
      if (this.#source[this.#at] === '[') {
        const start = this.#at;
        table = this.#header();
        grow = this.#onHeader(table, start);
      } else {
        this.#pair(table);
        grow(this.#at - 1);
      }
    }
  }

  #header(): TomlPath {
    const many = this.#source[this.#at + 1] === '[';
    this.#at += many ? 2 : 1;
    const keys = this.#keys();
    this.#at += many ? 2 : 1;
    const parent = this.#inLast(keys.slice(0, -1).map(({ name }) => name));
    const whole = [...parent, keys.at(-1)?.name ?? ''];
    const path = many ? [...whole, this.#count(whole)] : this.#inLast(keys.map(({ name }) => name));
    const { offset } = keys.at(-1)!;
    this.#mark(whole, offset);
    this.#mark(path, offset);
    return path;
  }

  /** The path that a header means: inside an array of tables, it is the last element. */
  #inLast(keys: readonly string[]): TomlPath {
    let path: TomlPath = [];
    for (const key of keys) {
      path = [...path, key];
      const count = this.#counts.get(JSON.stringify(path));
      if (count !== undefined) path = [...path, count - 1];
    }
    return path;
  }

  #count(path: TomlPath): number {
    const key = JSON.stringify(path);
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    return count;
  }

  #pair(table: TomlPath): void {
    let path = table;
    for (const { name, offset } of this.#keys()) {
      path = [...path, name];
      this.#mark(path, offset);
    }
    this.#at++;
    this.#blanks();
    this.#value(path);
  }

  /** A dotted key, up to the `=` or `]`. */
  #keys(): { name: string; offset: number }[] {
    const keys: { name: string; offset: number }[] = [];
    for (;;) {
      this.#blanks();
      const offset = this.#at;
      const quoted = this.#source[offset] === '"' || this.#source[offset] === "'";
      if (quoted) keys.push({ name: this.#text(), offset });
      else {
        while (bare.test(this.#source[this.#at] ?? '')) this.#at++;
        keys.push({ name: this.#source.slice(offset, this.#at), offset });
      }
      this.#blanks();
      if (this.#source[this.#at] !== '.') return keys;
      this.#at++;
    }
  }

  #value(path: TomlPath): void {
    const first = this.#source[this.#at];
    if (first === '"' || first === "'") this.#text();
    else if (first === '[') this.#array(path);
    else if (first === '{') this.#inlineTable(path);
    else while (this.#at < this.#source.length && !/[,\]}\n#]/.test(this.#source[this.#at]!)) this.#at++;
  }

  #array(path: TomlPath): void {
    this.#at++;
    for (let index = 0; ; index++) {
      this.#skip();
      if (this.#source[this.#at] === ']') break;
      const element = [...path, index];
      this.#mark(element, this.#at);
      this.#value(element);
      this.#skip();
      if (this.#source[this.#at] === ',') this.#at++;
    }
    this.#at++;
  }

  #inlineTable(path: TomlPath): void {
    this.#at++;
    for (;;) {
      this.#skip();
      if (this.#source[this.#at] === '}') break;
      this.#pair(path);
      this.#skip();
      if (this.#source[this.#at] === ',') this.#at++;
    }
    this.#at++;
  }

  /** A string of any of the four kinds. Its value only matters for keys, which are on one line. */
  #text(): string {
    const start = this.#at;
    const quote = this.#source[start]!;
    const escapes = quote === '"';
    const long = this.#source.startsWith(quote.repeat(3), start);
    const end = long ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#source.length && !this.#source.startsWith(end, this.#at)) {
      this.#at += escapes && this.#source[this.#at] === '\\' ? 2 : 1;
    }
    this.#at += end.length;
    // Up to two quotes can precede the three that end a multi-line string.
    while (long && this.#source[this.#at] === quote) this.#at++;
    const inner = this.#source.slice(start + end.length, this.#at - end.length);
    return escapes && !long ? unescaped(inner) : inner;
  }

  #blanks(): void {
    while (this.#source[this.#at] === ' ' || this.#source[this.#at] === '\t') this.#at++;
  }

  /** Skips whitespace, line breaks and comments. */
  #skip(): void {
    for (;;) {
      while (/[ \t\r\n\ufeff]/.test(this.#source[this.#at] ?? '')) this.#at++;
      if (this.#source[this.#at] !== '#') return;
      const end = this.#source.indexOf('\n', this.#at);
      this.#at = end === -1 ? this.#source.length : end;
    }
  }

  #mark(path: TomlPath, offset: number): void {
    const key = JSON.stringify(path);
    // The first position of a table counts.
    if (!this.#found.has(key)) this.#found.set(key, offset);
  }
}

const named: Record<string, string> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\u001b' };

const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))/g, (_, four, eight, two, one) =>
    one === undefined ? String.fromCodePoint(Number.parseInt(four ?? eight ?? two, 16)) : (named[one] ?? one),
  );
