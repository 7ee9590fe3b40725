/** What a schema demands of a value, gathered from its keywords; and both demands of two schemas together. */
import type { Bound } from './numbers.ts';

export type JsonType = 'null' | 'boolean' | 'object' | 'array' | 'number' | 'string';
export const jsonTypes: readonly JsonType[] = ['object', 'array', 'string', 'number', 'boolean', 'null'];

/** A schema and where it stands, as a JSON Pointer; there is one path for each schema. */
export interface Place {
  schema: unknown;
  path: string;
}

/** Schemas that a value must all satisfy. */
export type Together = readonly Place[];

/** A keyword that only some values can be held to by the engine. */
export interface Unsupported {
  keyword: string;
  path: string;
  /** The values that it speaks of. */
  type: JsonType;
}

export interface Facts {
  types: ReadonlySet<JsonType>;
  /** Types that keywords spoke of, where nothing named a type. */
  spokenOf: ReadonlySet<JsonType>;
  typed: boolean;
  /** Numbers must be whole. */
  integer: boolean;
  /** Of `enum` and `const`. */
  values?: readonly unknown[];
  min?: Bound;
  max?: Bound;
  divisors: readonly number[];
  patterns: readonly { source: string; path: string }[];
  minLength: { count: number; path: string };
  maxLength: number;
  properties: ReadonlyMap<string, Together>;
  /** Of all other properties. */
  additional: Together;
  /** `additionalProperties` invites others; otherwise an object with known properties has no others. */
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
  /** A value must satisfy none of these. */
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

/** The types that a value may have; without `type` those that the keywords speak of. */
export const typesOf = ({ types, typed, spokenOf, values }: Facts): readonly JsonType[] =>
  jsonTypes.filter(
    (type) => types.has(type) && (typed || values !== undefined || spokenOf.size === 0 || spokenOf.has(type)),
  );

export const typeOf = (value: unknown): JsonType => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
};

/** The same text for equal values of JSON, whatever the order of their properties. */
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

/** The values that both allow; undefined allows all. */
export const bothValues = (a: readonly unknown[] | undefined, b: readonly unknown[] | undefined) => {
  if (a === undefined || b === undefined) return a ?? b;
  const allowed = new Set(b.map(canonical));
  return a.filter((value) => allowed.has(canonical(value)));
};

/** A property that only one of them names is for the other one of the additional ones. */
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
