/** Whether a value satisfies a schema, and whether no value generated from one schema can satisfy another. */

import type { Alternatives } from './alternatives.ts';
import { accepts, intersect, isEmpty } from './automaton.ts';
import type { Budget } from './budget.ts';
import { canonical, type Facts, type Together, typeOf, typesOf } from './facts.ts';
import { unsupported } from './keywords.ts';
import { inRange } from './numbers.ts';
import { patternTexts, textsOf } from './texts.ts';

export interface Judge {
  satisfies(value: unknown, together: Together): boolean;
  meets(value: unknown, facts: Facts): boolean;
  /** True only if certain. */
  neverBoth(made: Facts, other: Facts): boolean;
}

export const createJudge = (alternatives: Alternatives, budget: Budget): Judge => {
  const satisfies = (value: unknown, together: Together): boolean =>
    alternatives(together).some((facts) => meets(value, facts));

  const meets = (value: unknown, facts: Facts): boolean => {
    budget.spend(20);
    const type = typeOf(value);
    if (!facts.types.has(type)) return false;
    const { values } = facts;
    if (values !== undefined && !setOf(values).has(canonical(value))) return false;
    const obstacle = facts.unsupported.find((one) => one.type === type);
    if (obstacle !== undefined) throw unsupported(obstacle.path);
    if (facts.never.some((never) => meets(value, never.facts))) return false;
    if (typeof value === 'number') return inRange(value, facts);
    if (typeof value === 'string') return textMeets(value, facts);
    if (Array.isArray(value)) return arrayMeets(value, facts);
    return value === null || typeof value === 'boolean' || objectMeets(value as object, facts);
  };

  const sets = new Map<readonly unknown[], ReadonlySet<string>>();
  const setOf = (values: readonly unknown[]) => {
    const set = sets.get(values) ?? new Set(values.map(canonical));
    sets.set(values, set);
    return set;
  };

  const textMeets = (value: string, facts: Facts) => {
    const { length } = [...value];
    if (length < facts.minLength.count || length > facts.maxLength) return false;
    return facts.patterns.length === 0 || accepts(patternTexts(facts, budget), value);
  };

  const arrayMeets = (value: readonly unknown[], facts: Facts) =>
    value.length >= facts.minItems.count &&
    value.length <= facts.maxItems &&
    value.every((item, index) => satisfies(item, facts.prefix[index] ?? facts.items));

  const objectMeets = (value: object, facts: Facts) => {
    const entries = Object.entries(value);
    return (
      entries.length >= facts.minProperties.count &&
      entries.length <= facts.maxProperties &&
      [...facts.required].every((name) => Object.hasOwn(value, name)) &&
      entries.every(
        ([name, of]) =>
          satisfies(name, facts.propertyNames) && satisfies(of, facts.properties.get(name) ?? facts.additional),
      )
    );
  };

  const neverBoth = (made: Facts, other: Facts, depth = 0): boolean => {
    budget.spend(50);
    const shared = typesOf(made).filter((type) => other.types.has(type));
    return shared.every((type) => {
      if (made.values !== undefined) {
        return made.values.every((value) => typeOf(value) !== type || !meets(value, other));
      }
      if (other.values !== undefined) {
        // Generated values do not yet exclude what they must not be.
        return other.values.every((value) => typeOf(value) !== type || !meets(value, { ...made, never: [] }));
      }
      if (type === 'number') return !rangesMeet(made, other);
      if (type === 'string') return isEmpty(intersect(textsOf(made, budget), patternTexts(other, budget), budget));
      if (type === 'array') return made.minItems.count > other.maxItems || made.maxItems < other.minItems.count;
      return type === 'object' && depth < 8 && objectsNeverMeet(made, other, depth + 1);
    });
  };

  const objectsNeverMeet = (made: Facts, other: Facts, depth: number) =>
    [...other.required].some((name) => !made.properties.has(name) && !made.required.has(name) && isClosed(made)) ||
    [...made.required].some((name) => neverTogether(propertyOf(made, name), propertyOf(other, name), depth));

  /** Whether no value of one satisfies the other. */
  const neverTogether = (made: Together, other: Together, depth: number) =>
    alternatives(made).every((one) => alternatives(other).every((two) => neverBoth(one, two, depth)));

  return { satisfies, meets, neverBoth };
};

/** Whether objects have only the named properties: if some are named, and others are not allowed explicitly. */
export const isClosed = ({ open, properties }: Facts): boolean => !open && properties.size > 0;

const propertyOf = (facts: Facts, name: string): Together => facts.properties.get(name) ?? facts.additional;

const rangesMeet = (a: Facts, b: Facts): boolean => below(a, b) && below(b, a);

/** Whether the minimum of one is not above the maximum of the other. */
const below = ({ min }: Facts, { max }: Facts) =>
  min === undefined ||
  max === undefined ||
  min.value < max.value ||
  (min.value === max.value && !min.exclusive && !max.exclusive);
