/** A text that a regular expression matches, for the patterns that worker types write: enough for the lines of a log. */

/** Null when none was found. `groups` says what named groups are to hold. */
export const sampleOf = (pattern: string, groups: Readonly<Record<string, string>> = {}): string | null => {
  try {
    const text = new Sampler(pattern, groups).alternatives();
    return new RegExp(pattern).test(text) ? text : null;
  } catch {
    return null;
  }
};

const ofEscape: Readonly<Record<string, string>> = {
  d: '1',
  D: 'x',
  w: 'a',
  W: ' ',
  s: ' ',
  S: 'a',
  t: '\t',
  b: '',
  B: '',
};

class Sampler {
  readonly #pattern: string;
  readonly #groups: Readonly<Record<string, string>>;
  #at = 0;

  constructor(pattern: string, groups: Readonly<Record<string, string>>) {
    this.#pattern = pattern;
    this.#groups = groups;
  }

  /** The first of the alternatives up to the end of the group. */
  alternatives(): string {
    const first = this.#sequence();
    while (this.#take('|')) this.#sequence();
    return first;
  }

  #sequence(): string {
    let text = '';
    while (this.#at < this.#pattern.length && !this.#sees('|') && !this.#sees(')')) {
      const one = this.#one();
      text += one.repeat(this.#times());
    }
    return text;
  }

  #one(): string {
    if (this.#take('^') || this.#take('$')) return '';
    if (this.#take('.')) return 'a';
    if (this.#take('[')) return this.#class();
    if (this.#take('(')) return this.#group();
    return this.#take('\\') ? this.#escape() : this.#next();
  }

  #group(): string {
    const head = /^\?(?:<(?<name>\w+)>|(?<plain>:)|<?[=!])/.exec(this.#pattern.slice(this.#at));
    this.#at += head?.[0].length ?? 0;
    const name = head?.groups?.['name'];
    const inside = this.alternatives();
    this.#take(')');
    if (name !== undefined) return (Object.hasOwn(this.#groups, name) ? this.#groups[name] : undefined) ?? inside;
    // What only looks ahead or behind takes no place.
    return head && head.groups?.['plain'] === undefined ? '' : inside;
  }

  #class(): string {
    const negated = this.#take('^');
    let first: string | undefined;
    while (!this.#take(']')) {
      const one = this.#take('\\') ? this.#escape() : this.#next();
      first ??= one;
    }
    return negated ? (first === 'a' ? 'b' : 'a') : (first ?? '');
  }

  #escape(): string {
    const letter = this.#next();
    return ofEscape[letter] ?? letter;
  }

  /** As few as allowed, but one rather than none of `*` and `?`, so that the sample looks like a line. */
  #times(): number {
    const counted = /^\{(\d+)(?:,\d*)?\}/.exec(this.#pattern.slice(this.#at));
    const optional = this.#take('*') || this.#take('+') || this.#take('?');
    if (counted) this.#at += counted[0].length;
    if (counted || optional) this.#take('?');
    return counted ? Number(counted[1]) : 1;
  }

  #sees(character: string): boolean {
    return this.#pattern[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    const character = this.#pattern[this.#at];
    if (character === undefined) throw new Error('the pattern ends in the middle');
    this.#at += 1;
    return character;
  }
}
