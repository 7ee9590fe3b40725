/**
 * Compiles a JSON Schema to a grammar of valid JSON texts. Each text of the grammar is valid by the schema: a keyword that
 * would break this promise is refused by name and place. The grammar does not contain every valid text: numbers have at most
 * 15 digits, and an object with known properties has no others unless the schema allows them explicitly.
 */
import { createAlternatives, keyOf } from './alternatives.ts';
import { type Automaton, anyText, intersect, oneOfTexts, otherTexts } from './automaton.ts';
import { type Budget, createBudget, SchemaProblem, tooLarge } from './budget.ts';
import { anyChar, type CharSet, charsOf, codePoint, complement, has, intersection, union } from './char-set.ts';
import { anything, type Facts, type JsonType, type Together, typesOf } from './facts.ts';
import { createGrammarBuilder, type Grammar, type Part, prune } from './grammar.ts';
import { unsupported } from './keywords.ts';
import { numberTexts } from './numbers.ts';
import { createJudge, isClosed } from './satisfies.ts';
import { textsOf } from './texts.ts';

/** Throws a `SchemaProblem`. */
export const compileJsonSchema = (schema: unknown): Grammar => {
  const budget = createBudget();
  checkDepth(schema, budget);
  const grammar = compile(schema, budget);
  const pruned = prune(grammar);
  if (pruned === undefined) throw new SchemaProblem('invalid', '#', 'no value can satisfy the schema');
  return pruned;
};

const maxDepth = 200;
const maxItemCount = 1000;
const maxPropertyCount = 256;
/** Maximum characters of a text with a limited length. */
const maxTextLength = 65_536;
/** Longer repetitions consist of blocks of this length. */
const step = 100;

/** Nesting below this depth needs no special care. */
const checkDepth = (schema: unknown, budget: Budget): void => {
  let level = [schema];
  for (let depth = 0; level.length > 0; depth += 1) {
    budget.spend(level.length * 20);
    if (depth > maxDepth) throw tooLarge('#');
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
};

const compile = (schema: unknown, budget: Budget): Grammar => {
  const grammar = createGrammarBuilder(budget);
  const alternatives = createAlternatives(schema, budget);
  const judge = createJudge(alternatives, budget);
  const values = new Map<string, Part>();
  const waiting: (() => void)[] = [];

  /** The rule for a value. Its contents are compiled later, so that depth costs no stack. */
  const valueRule = (together: Together): Part => {
    const key = keyOf(together);
    const known = values.get(key);
    if (known !== undefined) return known;
    const { part, fill } = grammar.reserve();
    values.set(key, part);
    waiting.push(() => fill(alternatives(together).flatMap(oneOfFacts)));
    return part;
  };

  const oneOfFacts = (facts: Facts): Part[][] => {
    if (facts.values !== undefined) return fixed(facts.values.filter((value) => judge.meets(value, facts)));
    const types = typesOf(facts);
    for (const { path, type } of facts.unsupported) if (types.includes(type)) throw unsupported(path);
    for (const { facts: other, path, keyword } of facts.never) {
      if (judge.neverBoth(facts, other)) continue;
      throw unsupported(path, keyword === 'oneOf' ? 'a value may satisfy more than one of its schemas' : undefined);
    }
    return types.map((type) => [writers[type](facts)]);
  };

  const fixed = (all: readonly unknown[]): Part[][] => {
    const texts = all.map((value) => JSON.stringify(value));
    return [[follow(oneOfTexts(texts, budget), plainSet, [])]];
  };

  /** The rules of an automaton, one per state. */
  const follow = (automaton: Automaton, setPart: (set: CharSet) => Part, end: Part[]): Part => {
    const states = automaton.states.map(() => grammar.reserve());
    automaton.states.forEach(({ accept, edges }, at) => {
      const alternatives = edges.map(({ set, to }) => [setPart(set), (states[to] as (typeof states)[number]).part]);
      states[at]?.fill(accept ? [...alternatives, end] : alternatives);
    });
    return states[automaton.start]?.part ?? grammar.rule([]);
  };

  const plainSet = (set: CharSet): Part => ({ set });

  /** One character of a set, as written in a JSON string. */
  const quotedSet = (set: CharSet): Part => grammar.named(`set ${set.join(';')}`, () => quoted(set));

  const quotedText = (texts: Automaton): Part =>
    grammar.rule([[{ text: '"' }, follow(texts, quotedSet, [{ text: '"' }])]]);

  const string = (facts: Facts): Part => {
    if (facts.patterns.length > 0) return quotedText(textsOf(facts, budget));
    const { minLength, maxLength } = facts;
    if (minLength.count > maxTextLength) throw unsupported(minLength.path, `the limit is ${maxTextLength}`);
    return grammar.named(`text ${minLength.count} ${maxLength}`, () => [
      [{ text: '"' }, times(quotedSet(anyChar), minLength.count, maxLength), { text: '"' }],
    ]);
  };

  /** Repeats a part `min` to `max` times; no more than any context can hold. */
  const times = (part: Part, min: number, max: number): Part => {
    if (!('rule' in part)) throw new TypeError('only rules can be repeated');
    if (max === Number.POSITIVE_INFINITY) {
      return grammar.rule([[exactly(part.rule, min), { rule: part.rule, min: 0 }]]);
    }
    if (max < min) return grammar.rule([]);
    return grammar.rule([[exactly(part.rule, min), upTo(part.rule, Math.min(max, maxTextLength) - min)]]);
  };

  const exactly = (rule: number, count: number): Part => {
    if (count <= step) return { rule, min: count, max: count };
    const block = blockOf(rule);
    return grammar.rule([
      [
        { rule: block, min: Math.floor(count / step), max: Math.floor(count / step) },
        { rule, min: count % step, max: count % step },
      ],
    ]);
  };

  const upTo = (rule: number, count: number): Part => {
    if (count <= step) return { rule, min: 0, max: count };
    const block = blockOf(rule);
    const blocks = Math.floor(count / step);
    return grammar.rule([
      [
        { rule: block, min: 0, max: blocks - 1 },
        { rule, min: 0, max: step },
      ],
      [
        { rule: block, min: blocks, max: blocks },
        { rule, min: 0, max: count % step },
      ],
    ]);
  };

  const blockOf = (rule: number): number =>
    (grammar.named(`block ${rule}`, () => [[{ rule, min: step, max: step }]]) as { rule: number }).rule;

  const number = (facts: Facts): Part =>
    grammar.named(`number ${JSON.stringify([facts.integer, facts.min, facts.max, facts.divisors])}`, () => [
      [follow(numberTexts(facts, budget), plainSet, [])],
    ]);

  /** Whitespace where JSON allows it: none, one space, or a line break with indentation. */
  const space = (): Part =>
    grammar.named('space', () => {
      const blank = grammar.named('blank', () => [[{ text: ' ' }]]) as { rule: number };
      return [[], [{ text: ' ' }], [{ text: '\n' }, { rule: blank.rule, min: 0, max: 20 }]];
    });

  const array = (facts: Facts): Part => {
    const { minItems, maxItems, prefix, items } = facts;
    if (minItems.count > maxItemCount) throw unsupported(minItems.path, `the limit is ${maxItemCount}`);
    const last = maxItems === Number.POSITIVE_INFINITY ? maxItems : Math.min(maxItems, maxItemCount);
    if (last < minItems.count) return grammar.rule([]);
    const next = (index: number): Part[] => [
      ...(index === 0 ? [] : [{ text: ',' }]),
      space(),
      valueRule(prefix[index] ?? items),
    ];
    // From here on, all elements follow the same rule and are optional.
    const alike = Math.min(last, Math.max(prefix.length, minItems.count, 1));
    const end: Part[] = [space(), { text: ']' }];
    const more = last > alike ? [times(grammar.rule([next(alike)]), 0, last - alike)] : [];
    let rest = grammar.rule([[...more, ...end]]);
    for (let index = alike - 1; index >= 0; index -= 1) {
      rest = grammar.rule([[...next(index), rest], ...(index >= minItems.count ? [end] : [])]);
    }
    return grammar.rule([[{ text: '[' }, rest]]);
  };

  const object = (facts: Facts): Part => {
    const { minProperties, maxProperties, required, propertyNames } = facts;
    const declared = [...new Set([...facts.properties.keys(), ...required])];
    if (declared.length > maxPropertyCount) throw tooLarge(budget.path);
    const names = declared.filter((name) => judge.satisfies(name, propertyNames));
    if ([...required].some((name) => !names.includes(name))) return grammar.rule([]);
    const closed = isClosed(facts) && minProperties.count <= names.length;
    if (minProperties.count > names.length + (closed ? 0 : 1)) {
      throw unsupported(minProperties.path, 'the schema names fewer properties');
    }
    const others = closed ? undefined : otherProperty(facts, names);
    const maxCount = closed && maxProperties >= names.length ? Number.POSITIVE_INFINITY : maxProperties;
    const unlimited = maxCount === Number.POSITIVE_INFINITY;
    const limit = unlimited ? maxCount : Math.min(maxCount, maxPropertyCount);
    // Counts only as far as the count matters.
    const counted = unlimited ? Math.max(1, minProperties.count) : limit;
    const states = new Map<string, Part>();
    const unfilled: (() => void)[] = [];

    /** What can follow once all names before `index` are decided and `count` of them are written. */
    const after = (index: number, count: number): Part => {
      const key = `${index} ${count}`;
      const known = states.get(key);
      if (known !== undefined) return known;
      const { part, fill } = grammar.reserve();
      states.set(key, part);
      unfilled.push(() => fill(choices(index, count)));
      return part;
    };
    const choices = (index: number, count: number): Part[][] => {
      const name = names[index];
      // Other properties that are already written; without a limit, only whether there are any.
      const more = Math.max(0, index - names.length);
      const comma: Part[] = count + more === 0 ? [] : [{ text: ',' }];
      const room = count + more < limit;
      const found: Part[][] = [];
      if (name === undefined) {
        // The other properties could all have the same name, so they count as one.
        if (count + Math.min(1, more) >= minProperties.count) found.push([space(), { text: '}' }]);
        const next = unlimited ? names.length + 1 : index + 1;
        if (others !== undefined && room) found.push([...comma, space(), others, after(next, count)]);
        return found;
      }
      const key = { text: `${JSON.stringify(name)}:` };
      const value = valueRule(facts.properties.get(name) ?? facts.additional);
      if (room) found.push([...comma, space(), key, space(), value, after(index + 1, Math.min(count + 1, counted))]);
      if (!required.has(name)) found.push([after(index + 1, count)]);
      return found;
    };
    const start = after(0, 0);
    for (const fill of unfilled) fill();
    return grammar.rule([[{ text: '{' }, start]]);
  };

  /** A property that the schema does not name. */
  const otherProperty = (facts: Facts, names: readonly string[]): Part => {
    const allowed = otherNames(facts.propertyNames);
    const texts = names.length === 0 ? allowed : intersect(allowed, otherTexts(names, budget), budget);
    const name = texts === anyText ? string(anything) : quotedText(texts);
    return grammar.rule([[name, { text: ':' }, space(), valueRule(facts.additional)]]);
  };

  const otherNames = (together: Together): Automaton => {
    if (together.length === 0) return anyText;
    const [facts, more] = alternatives(together).filter(({ types }) => types.has('string'));
    const path = together[0]?.path ?? '#';
    if (facts === undefined) return { start: 0, states: [] };
    if (more !== undefined || facts.never.length > 0) throw unsupported(path, 'it has alternatives');
    if (
      facts.patterns.length === 0 &&
      facts.minLength.count === 0 &&
      facts.maxLength === Number.POSITIVE_INFINITY &&
      facts.values === undefined
    ) {
      return anyText;
    }
    return textsOf(facts, budget);
  };

  const writers: Readonly<Record<JsonType, (facts: Facts) => Part>> = {
    null: () => grammar.named('null', () => [[{ text: 'null' }]]),
    boolean: () => grammar.named('boolean', () => [[{ text: 'true' }], [{ text: 'false' }]]),
    string,
    number,
    array,
    object,
  };

  const root = valueRule([{ schema, path: '#' }]) as { rule: number };
  for (const make of waiting) make();
  return { rules: grammar.rules, root: root.rule };
};

/** Characters as written in a JSON string. */
const quoted = (set: CharSet): Part[][] => {
  const plain = intersection(set, unescaped);
  const found: Part[][] = plain.length === 0 ? [] : [[{ set: plain }]];
  for (const [char, text] of shortEscapes) if (has(set, codePoint(char))) found.push([{ text }]);
  if (found.length > 0) return found;
  // Other control characters are rare: write them only if nothing else is allowed.
  return set.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, offset) => [
      { text: `\\u${(from + offset).toString(16).padStart(4, '0')}` },
    ]),
  );
};

const unescaped = complement(union([[0, 31], ...charsOf('"\\')]));
const shortEscapes = ['"', '\\', '\b', '\f', '\n', '\r', '\t'].map(
  (char) => [char, JSON.stringify(char).slice(1, -1)] as const,
);
