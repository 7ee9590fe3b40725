/** Replaces the values of secrets by their names in whatever is shown. By value: what a text calls it does not matter. */
import { minSecretLength, secretReference } from '../contract/secret-reference.ts';

/** Names with their values; read again before each use, as they change. */
export type SecretValues = () => Iterable<readonly [name: string, value: string]>;

export interface RedactingStream {
  /** What can be shown now. The beginning of what may become a value is held back. */
  push(text: string): string;
  /** The rest. */
  end(): string;
}

export class Redactor {
  readonly #values: SecretValues;
  #known: Known = compile([]);

  constructor(values: SecretValues) {
    this.#values = values;
  }

  text(text: string): string {
    const { pattern, names } = this.#now();
    return pattern === null ? text : text.replace(pattern, (match) => secretReference(names.get(match) ?? ''));
  }

  /** A copy of plain data with every text in it redacted. Keys stay. */
  data<Value>(value: Value): Value {
    return (this.#now().pattern === null ? value : this.#deep(value)) as Value;
  }

  /** Every way in which a value may be written, the longest first. */
  written(): { form: string; name: string }[] {
    const { starts, names } = this.#now();
    return starts.map((form) => ({ form, name: names.get(form) ?? '' }));
  }

  /** For a text that comes in pieces: a value may lie across them. */
  stream(): RedactingStream {
    let rest = '';
    const push = (text: string): string => {
      const { given, held } = this.#upToOpenEnd(rest + text);
      rest = held;
      return given;
    };
    const end = (): string => {
      const given = this.text(rest);
      rest = '';
      return given;
    };
    return { push, end };
  }

  #upToOpenEnd(text: string): { given: string; held: string } {
    const { pattern, starts, longest } = this.#now();
    if (pattern === null) return { given: text, held: '' };
    let from = openEnd(text, 0, starts, longest);
    for (const match of text.matchAll(pattern)) {
      if (match.index >= from) break;
      // A whole value that runs into the open end counts before what only may become one.
      const end = match.index + match[0].length;
      if (end > from) from = openEnd(text, end, starts, longest);
    }
    return { given: this.text(text.slice(0, from)), held: text.slice(from) };
  }

  #deep(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.#deep(one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#deep(one)]));
  }

  #now(): Known {
    const values = [...this.#values()];
    const isSame =
      values.length === this.#known.values.length &&
      values.every(([name, value], index) => {
        const known = this.#known.values[index];
        return known?.[0] === name && known[1] === value;
      });
    if (!isSame) this.#known = compile(values);
    return this.#known;
  }
}

interface Known {
  values: readonly (readonly [string, string])[];
  /** Null when there is nothing to redact. */
  pattern: RegExp | null;
  names: ReadonlyMap<string, string>;
  /** Each way of writing each value. */
  starts: readonly string[];
  longest: number;
}

const compile = (values: Known['values']): Known => {
  const names = new Map<string, string>();
  for (const [name, value] of values) {
    if (value.length < minSecretLength) continue;
    for (const form of formsOf(value)) if (!names.has(form)) names.set(form, name);
  }
  // The longest first: where one value is the beginning of another, the whole of it goes.
  const starts = [...names.keys()].sort((a, b) => b.length - a.length);
  const pattern = starts.length === 0 ? null : new RegExp(starts.map(escaped).join('|'), 'g');
  return { values, pattern, names, starts, longest: starts[0]?.length ?? 0 };
};

/** As it is, within a JSON string, and within an address. */
const formsOf = (value: string): Set<string> =>
  new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())]);

/** Where the end of a text begins that may be the beginning of a value; the length of the text when there is none. */
const openEnd = (text: string, least: number, starts: readonly string[], longest: number): number => {
  for (let at = Math.max(least, text.length - longest + 1); at < text.length; at += 1) {
    const tail = text.slice(at);
    if (starts.some((start) => start.length > tail.length && start.startsWith(tail))) return at;
  }
  return text.length;
};

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
