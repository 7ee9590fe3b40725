/** Replaces secret values with their names in everything that is shown, wherever the value appears. */
import { minSecretLength, secretReference } from '../contract/secret-reference.ts';

/** Names and values; read before each use, because they change. */
export type SecretValues = () => Iterable<readonly [name: string, value: string]>;

export interface RedactingStream {
  /** Returns what can be shown now. Text that may be the beginning of a value is held back. */
  push(text: string): string;
  /** Returns the rest. */
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

  /** A copy of plain data with every text redacted. Keys stay. */
  data<Value>(value: Value): Value {
    return (this.#now().pattern === null ? value : this.#deep(value)) as Value;
  }

  /** Every form in which a value may appear, longest first. */
  written(): { form: string; name: string }[] {
    const { starts, names } = this.#now();
    return starts.map((form) => ({ form, name: names.get(form) ?? '' }));
  }

  /** For a text that arrives in pieces: a value may span them. */
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
    const { pattern, starts, maxLength } = this.#now();
    if (pattern === null) return { given: text, held: '' };
    let from = openEnd(text, 0, starts, maxLength);
    for (const match of text.matchAll(pattern)) {
      if (match.index >= from) break;
      // A complete value at the end takes precedence over the beginning of another.
      const end = match.index + match[0].length;
      if (end > from) from = openEnd(text, end, starts, maxLength);
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
  /** Every form of every value. */
  starts: readonly string[];
  maxLength: number;
}

const compile = (values: Known['values']): Known => {
  const names = new Map<string, string>();
  for (const [name, value] of values) {
    if (value.length < minSecretLength) continue;
    for (const form of formsOf(value)) if (!names.has(form)) names.set(form, name);
  }
  // Longest first: where one value is the beginning of another, the longer one is replaced.
  const starts = [...names.keys()].sort((a, b) => b.length - a.length);
  const pattern = starts.length === 0 ? null : new RegExp(starts.map(escaped).join('|'), 'g');
  return { values, pattern, names, starts, maxLength: starts[0]?.length ?? 0 };
};

/** Plain, within a JSON string, and within a URL. */
const formsOf = (value: string): Set<string> =>
  new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())]);

/** Index where the end of the text may be the beginning of a value; the text's length when it cannot. */
const openEnd = (text: string, min: number, starts: readonly string[], maxLength: number): number => {
  for (let at = Math.max(min, text.length - maxLength + 1); at < text.length; at += 1) {
    const tail = text.slice(at);
    if (starts.some((start) => start.length > tail.length && start.startsWith(tail))) return at;
  }
  return text.length;
};

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
