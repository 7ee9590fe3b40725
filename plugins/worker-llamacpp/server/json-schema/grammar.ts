/** A grammar as data, and as the text that llama.cpp reads (GBNF). */
import type { Budget } from './budget.ts';
import type { CharSet } from './char-set.ts';

export type Part =
  | { text: string }
  | { set: CharSet }
  | { rule: number }
  /** Repeats a rule; without limit if `max` is absent. */
  | { rule: number; min: number; max?: number };

/** Each alternative is a sequence. A rule without one matches nothing. */
export interface Rule {
  alternatives: Part[][];
}

export interface Grammar {
  rules: readonly Rule[];
  root: number;
}

export interface GrammarBuilder {
  /** The rule of that name, created on first use; it may refer to itself. */
  named(name: string, make: () => Part[][]): Part;
  rule(alternatives: Part[][]): Part;
  /** Reserves a rule whose alternatives are set later. */
  reserve(): { part: Part; fill(alternatives: Part[][]): void };
  rules: readonly Rule[];
}

export const createGrammarBuilder = (budget: Budget): GrammarBuilder => {
  const rules: Rule[] = [];
  const names = new Map<string, Part>();
  const reserve: GrammarBuilder['reserve'] = () => {
    const rule: Rule = { alternatives: [] };
    const number = rules.push(rule) - 1;
    return {
      part: { rule: number },
      fill: (alternatives) => {
        budget.spend(sizeOf(alternatives));
        rule.alternatives = alternatives;
      },
    };
  };
  return {
    rules,
    reserve,
    rule: (alternatives) => {
      const { part, fill } = reserve();
      fill(alternatives);
      return part;
    },
    named: (name, make) => {
      const known = names.get(name);
      if (known !== undefined) return known;
      const { part, fill } = reserve();
      names.set(name, part);
      fill(make());
      return part;
    },
  };
};

/** llama.cpp takes longer to parse a rule than we take to write it, so a rule costs more than one step. */
const sizeOf = (alternatives: Part[][]): number => {
  let size = 16;
  for (const parts of alternatives) {
    for (const part of parts) {
      size += 8;
      if ('text' in part) size += part.text.length;
      else if ('set' in part) size += part.set.length;
      else if ('min' in part) size += 4 * (part.max ?? part.min);
    }
  }
  return size;
};

/** Drops rules that never end and rules that cannot be reached. Returns undefined if nothing is left. */
export const prune = ({ rules, root }: Grammar): Grammar | undefined => {
  const ends = endingRules(rules);
  if (!ends.has(root)) return undefined;
  const kept = new Map([[root, 0]]);
  const made: Rule[] = [];
  for (const number of kept.keys()) {
    const alternatives = (rules[number] as Rule).alternatives.filter((parts) =>
      parts.every((part) => canEnd(part, ends)),
    );
    made.push({
      alternatives: alternatives.map((parts) =>
        parts
          // Zero repetitions of a rule that never ends is the empty text.
          .filter((part) => !('rule' in part) || ends.has(part.rule))
          .map((part) => {
            if (!('rule' in part)) return part;
            if (!kept.has(part.rule)) kept.set(part.rule, kept.size);
            return { ...part, rule: kept.get(part.rule) as number };
          }),
      ),
    });
  }
  return { rules: made, root: 0 };
};

const canEnd = (part: Part, ends: ReadonlySet<number>) =>
  !('rule' in part) || ends.has(part.rule) || ('min' in part && part.min === 0);

/** Rules that match a finite text: found by starting with those that refer to no others. */
const endingRules = (rules: readonly Rule[]): ReadonlySet<number> => {
  const ends = new Set<number>();
  const waiting = new Map<number, { rule: number; left: number }[]>();
  const found: number[] = [];
  const end = (rule: number) => {
    if (!ends.has(rule)) found.push(rule);
    ends.add(rule);
  };
  rules.forEach(({ alternatives }, rule) => {
    for (const parts of alternatives) {
      const needed = new Set(
        parts.flatMap((part) => ('rule' in part && !('min' in part && part.min === 0) ? [part.rule] : [])),
      );
      const alternative = { rule, left: needed.size };
      if (needed.size === 0) end(rule);
      for (const other of needed) {
        const others = waiting.get(other) ?? [];
        waiting.set(other, others);
        others.push(alternative);
      }
    }
  });
  while (found.length > 0) {
    for (const alternative of waiting.get(found.pop() as number) ?? []) {
      alternative.left -= 1;
      if (alternative.left === 0) end(alternative.rule);
    }
  }
  return ends;
};

/** The grammar in llama.cpp's syntax; `root` is the first rule. */
export const print = ({ rules, root }: Grammar): string =>
  rules
    .map(({ alternatives }, number) => {
      const name = nameOf(number, root);
      return `${name} ::= ${alternatives.map((parts) => parts.map((part) => printPart(part, root)).join(' ') || '""').join(' | ')}\n`;
    })
    .join('');

const nameOf = (rule: number, root: number) => (rule === root ? 'root' : `r${rule}`);

const printPart = (part: Part, root: number): string => {
  if ('text' in part) return `"${[...part.text].map((char) => printChar(char.codePointAt(0) ?? 0)).join('')}"`;
  if ('set' in part) {
    const range = ([from, to]: readonly [number, number]) =>
      from === to ? printChar(from) : `${printChar(from)}-${printChar(to)}`;
    return `[${part.set.map(range).join('')}]`;
  }
  const name = nameOf(part.rule, root);
  if (!('min' in part)) return name;
  return `${name}{${part.min},${part.max ?? ''}}`;
};

/** Keeps letters and digits, and escapes everything else, so that nothing has a meaning in GBNF. */
const printChar = (code: number): string => {
  if (/[A-Za-z0-9 ]/.test(String.fromCodePoint(code))) return String.fromCodePoint(code);
  const hex = code.toString(16).toUpperCase();
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
};
