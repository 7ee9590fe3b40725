/** The constraints of a schema, collected from its keywords, and the intersection of two such sets. */
import type { Bound } from './numbers.ts';

export type JsonType = 'null' | 'boolean' | 'object' | 'array' | 'number' | 'string';
export const jsonTypes: readonly JsonType[] = ['object', 'array', 'string', 'number', 'boolean', 'null'];

/** A schema and its JSON Pointer; each schema has one path. */
export interface Place {
  schema: unknown;
  path: string;
}

/** Schemas that a value must all satisfy. */
export type Together = readonly Place[];

/** A keyword that the engine can enforce only for some values. */
export interface Unsupported {
  keyword: string;
  path: string;
  /** The type of value that it applies to. */
  type: JsonType;
}

export interface Facts {
  types: ReadonlySet<JsonType>;
  /** Types that keywords apply to, if the schema names no type. */
  spokenOf: ReadonlySet<JsonType>;
  typed: boolean;
  /** Numbers must be whole. */
  integer: boolean;
  /** From `enum` and `const`. */
  values?: readonly unknown[];
  min?: Bound;
  max?: Bound;
  divisors: readonly number[];
  patterns: readonly { source: string; path: string }[];
  minLength: { count: number; path: string };
  maxLength: number;
  properties: ReadonlyMap<string, Together>;
  /** For all other properties. */
  additional: Together;
  /** Whether `additionalProperties` allows others; otherwise an object with known properties has no others. */
  open: boolean;
  propertyNames: Together;
  required: ReadonlySet<string>;
  minProperties: { count: number; path: string };
  maxProperties: number;
  prefix: readonly Together[];
  items: Together;
  minItems: { count: number; path: string };
  maxItems: number;
  unsupported: readonly Unsupported[];
  /** Schemas that the value must not satisfy. */
  never: readonly { facts: Facts; keyword: string; path: string }[];
}

export const anything: Facts = {
  types: new Set(jsonTypes),
  spokenOf: new Set(),
  typed: false,
  integer: false,
  divisors: [],
  patterns: [],
  minLength: { count: 0, path: '' },
  maxLength: Number.POSITIVE_INFINITY,
  properties: new Map(),
  additional: [],
  open: false,
  propertyNames: [],
  required: new Set(),
  minProperties: { count: 0, path: '' },
  maxProperties: Number.POSITIVE_INFINITY,
  prefix: [],
  items: [],
  minItems: { count: 0, path: '' },
  maxItems: Number.POSITIVE_INFINITY,
  unsupported: [],
  never: [],
};

export const merge = (a: Facts, b: Facts): Facts => {
  const values = bothValues(a.values, b.values);
  const min = tighter(a.min, b.min, (one, two) => one > two);
  const max = tighter(a.max, b.max, (one, two) => one < two);
  return {
    types: new Set([...a.types].filter((type) => b.types.has(type))),
    spokenOf: new Set([...a.spokenOf, ...b.spokenOf]),
    typed: a.typed || b.typed,
    integer: a.integer || b.integer,
    ...(values === undefined ? {} : { values }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    divisors: [...new Set([...a.divisors, ...b.divisors])],
    patterns: [...a.patterns, ...b.patterns],
    minLength: a.minLength.count >= b.minLength.count ? a.minLength : b.minLength,
    maxLength: Math.min(a.maxLength, b.maxLength),
    properties: bothProperties(a, b),
    additional: [...a.additional, ...b.additional],
    open: a.open || b.open,
    propertyNames: [...a.propertyNames, ...b.propertyNames],
    required: new Set([...a.required, ...b.required]),
    minProperties: a.minProperties.count >= b.minProperties.count ? a.minProperties : b.minProperties,
    maxProperties: Math.min(a.maxProperties, b.maxProperties),
    prefix: bothPrefixes(a, b),
    items: [...a.items, ...b.items],
    minItems: a.minItems.count >= b.minItems.count ? a.minItems : b.minItems,
    maxItems: Math.min(a.maxItems, b.maxItems),
    unsupported: [...a.unsupported, ...b.unsupported],
    never: [...a.never, ...b.never],
  };
};

/** The types that a value can have: those of `type`, or else those that the keywords apply to. */
export const typesOf = ({ types, typed, spokenOf, values }: Facts): readonly JsonType[] =>
  jsonTypes.filter(
    (type) => types.has(type) && (typed || values !== undefined || spokenOf.size === 0 || spokenOf.has(type)),
  );

export const typeOf = (value: unknown): JsonType => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
};

/** A canonical text: equal JSON values give the same text, whatever the order of their properties. */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, of]) => `${JSON.stringify(key)}:${canonical(of)}`);
  return `{${entries.sort().join()}}`;
};

const tighter = (a: Bound | undefined, b: Bound | undefined, beats: (one: number, two: number) => boolean) => {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.value === b.value) return a.exclusive ? a : b;
  return beats(a.value, b.value) ? a : b;
};

/** The values that both allow; undefined means all. */
export const bothValues = (a: readonly unknown[] | undefined, b: readonly unknown[] | undefined) => {
  if (a === undefined || b === undefined) return a ?? b;
  const allowed = new Set(b.map(canonical));
  return a.filter((value) => allowed.has(canonical(value)));
};

/** A property that only one schema names is an additional property for the other. */
const bothProperties = (a: Facts, b: Facts): ReadonlyMap<string, Together> => {
  const names = [...a.properties.keys(), ...b.properties.keys()];
  return new Map(
    names.map((name) => [
      name,
      [...(a.properties.get(name) ?? a.additional), ...(b.properties.get(name) ?? b.additional)],
    ]),
  );
};

const bothPrefixes = (a: Facts, b: Facts): readonly Together[] =>
  Array.from({ length: Math.max(a.prefix.length, b.prefix.length) }, (_, index) => [
    ...(a.prefix[index] ?? a.items),
    ...(b.prefix[index] ?? b.items),
  ]);
