/** Generates random texts of a grammar, for tests. */
import type { Grammar, Part } from '../server/json-schema/grammar.ts';

/** `random` returns numbers from 0 up to 1. After this many steps, the text ends as soon as possible. */
export const sampleText = ({ rules, root }: Grammar, random: () => number, steps = 300): string => {
  const cost = shortest({ rules, root });
  let left = steps;
  let text = '';
  const costOf = (part: Part) => ('rule' in part ? ('min' in part ? part.min : 1) * (cost[part.rule] as number) : 0);
  const write = (part: Part): void => {
    left -= 1;
    if ('text' in part) {
      text += part.text;
    } else if ('set' in part) {
      const [from, to] = part.set[Math.floor(random() * part.set.length)] as readonly [number, number];
      text += String.fromCodePoint(from + Math.floor(random() * (Math.min(to, from + 200) - from + 1)));
    } else if ('min' in part) {
      for (let count = 0; count < part.min; count += 1) write({ rule: part.rule });
      for (
        let count = part.min;
        count < (part.max ?? Number.POSITIVE_INFINITY) && left > 0 && random() < 0.7;
        count += 1
      ) {
        write({ rule: part.rule });
      }
    } else {
      const { alternatives } = rules[part.rule] as (typeof rules)[number];
      const costs = alternatives.map((parts) => parts.reduce((sum, one) => sum + costOf(one), 0));
      const chosen = left > 0 ? Math.floor(random() * alternatives.length) : costs.indexOf(Math.min(...costs));
      for (const one of alternatives[chosen] as Part[]) write(one);
    }
  };
  write({ rule: root });
  return text;
};

/** For each rule, the minimum number of expansions until only text is left. */
const shortest = ({ rules }: Grammar): number[] => {
  const cost = rules.map(() => Number.POSITIVE_INFINITY);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [rule, { alternatives }] of [...rules.entries()].reverse()) {
      for (const parts of alternatives) {
        const sum = parts.reduce(
          (total, part) =>
            'rule' in part && !('min' in part && part.min === 0)
              ? total + ('min' in part ? part.min : 1) * (cost[part.rule] as number)
              : total,
          1,
        );
        if (sum >= (cost[rule] as number)) continue;
        cost[rule] = sum;
        changed = true;
      }
    }
  }
  return cost;
};
