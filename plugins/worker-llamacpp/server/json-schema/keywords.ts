/** The keywords of JSON Schema: what each adds to the constraints, or that it adds nothing, or is not supported. */
import { SchemaProblem } from './budget.ts';
import {
  anything,
  bothValues,
  canonical,
  type Facts,
  type JsonType,
  jsonTypes,
  type Together,
  typeOf,
} from './facts.ts';
import { freeFormats, numberFormats, textFormats } from './formats.ts';

export interface Keyword {
  value: unknown;
  /** JSON Pointer to it. */
  path: string;
  schema: Readonly<Record<string, unknown>>;
}

/** The constraints of one schema by its own keywords, except those that apply other schemas to the same value. */
export const ownFacts = (schema: Readonly<Record<string, unknown>>, path: string): Facts => {
  const facts: Facts = { ...anything };
  for (const [keyword, value] of Object.entries(schema)) {
    const at = `${path}/${escapePointer(keyword)}`;
    const read = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
    if (read !== undefined) Object.assign(facts, read({ value, path: at, schema }, facts, keyword));
  }
  return facts;
};

export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

type Read = (keyword: Keyword, facts: Facts, name: string) => Partial<Facts> | undefined;

/** Adds no constraint, or is handled where schemas are resolved and combined. */
const nothing: Read = () => undefined;

const number = ({ value, path }: Keyword): number => {
  if (typeof value !== 'number') throw wrong(path, 'must be a number');
  return value;
};
const count = ({ value, path }: Keyword): number => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw wrong(path, 'must be a whole number, 0 or more');
  return value;
};
const text = ({ value, path }: Keyword): string => {
  if (typeof value !== 'string') throw wrong(path, 'must be a string');
  return value;
};
const list = ({ value, path }: Keyword): readonly unknown[] => {
  if (!Array.isArray(value)) throw wrong(path, 'must be an array');
  return value;
};
const names = (keyword: Keyword): readonly string[] => {
  const all = list(keyword);
  if (!all.every((one) => typeof one === 'string')) throw wrong(keyword.path, 'must be an array of strings');
  return all as readonly string[];
};
const schemas = ({ value, path }: Keyword): ReadonlyMap<string, Together> => {
  if (typeOf(value) !== 'object') throw wrong(path, 'must be an object');
  return new Map(
    Object.entries(value as object).map(([name, schema]) => [
      name,
      [{ schema, path: `${path}/${escapePointer(name)}` }],
    ]),
  );
};
const schema = ({ value, path }: Keyword): Together => [{ schema: value, path }];

export const wrong = (path: string, problem: string): SchemaProblem =>
  new SchemaProblem('invalid', path, `${keywordAt(path)} ${problem}`);

export const unsupported = (path: string, why = ''): SchemaProblem =>
  new SchemaProblem('unsupported', path, `${keywordAt(path)} is not supported${why === '' ? '' : `: ${why}`}`);

const keywordAt = (path: string) =>
  JSON.stringify(path.split('/').at(-1)?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '');

const speaksOf =
  (type: JsonType, read: Read): Read =>
  (keyword, facts, name) => ({ spokenOf: new Set([...facts.spokenOf, type]), ...read(keyword, facts, name) });

/** Applies only to values of this type, so it matters only if such values are possible. */
const refusedFor = (type: JsonType, demandsNothing: (keyword: Keyword) => boolean = () => false): Read =>
  speaksOf(type, (keyword, facts, name) =>
    demandsNothing(keyword)
      ? undefined
      : { unsupported: [...facts.unsupported, { keyword: name, path: keyword.path, type }] },
  );

const refused: Read = ({ path }) => {
  throw unsupported(path);
};

const knownTypes = new Set<string>([...jsonTypes, 'integer']);

const readType: Read = (keyword) => {
  const given = typeof keyword.value === 'string' ? [keyword.value] : names(keyword);
  const strange = given.find((type) => !knownTypes.has(type));
  if (strange !== undefined) throw wrong(keyword.path, `names ${JSON.stringify(strange)}, which is not a JSON type`);
  const integer = given.includes('integer');
  return {
    typed: true,
    types: new Set(given.map((type) => (type === 'integer' ? 'number' : type) as JsonType)),
    integer: integer && !given.includes('number'),
  };
};

const readFormat: Read = (keyword, facts) => {
  const name = text(keyword);
  const source = textFormats.get(name);
  if (source !== undefined) {
    const patterns = [...facts.patterns, { source: `^(${source})$`, path: keyword.path }];
    return { patterns, spokenOf: new Set([...facts.spokenOf, 'string'] as const) };
  }
  if (freeFormats.has(name)) return undefined;
  if (!numberFormats.has(name)) throw unsupported(keyword.path, `the format ${JSON.stringify(name)} is not known`);
  const [min, max] = numberFormats.get(name) ?? [];
  return {
    spokenOf: new Set([...facts.spokenOf, 'number'] as const),
    ...(min === undefined ? {} : tightest(facts, 'min', min, false)),
    ...(max === undefined ? {} : tightest(facts, 'max', max, false)),
  };
};

/** The stricter one of `minimum` and `exclusiveMinimum`; likewise for the maximum. */
const tightest = (facts: Facts, side: 'min' | 'max', value: number, exclusive: boolean): Partial<Facts> => {
  const other = facts[side];
  if (other !== undefined) {
    const beaten = side === 'min' ? other.value > value : other.value < value;
    if (beaten || (other.value === value && other.exclusive)) return {};
  }
  return { [side]: { value, exclusive } };
};

const bound = (side: 'min' | 'max', exclusive: boolean): Read =>
  speaksOf('number', (keyword, facts) => tightest(facts, side, number(keyword), exclusive));

const readMultiple: Read = (keyword, facts) => {
  const divisor = number(keyword);
  if (divisor <= 0) throw wrong(keyword.path, 'must be more than 0');
  if (!Number.isInteger(divisor)) throw unsupported(keyword.path, 'it must be a whole number');
  if (divisor > 100) throw unsupported(keyword.path, 'the limit is 100');
  return { divisors: [...facts.divisors, divisor] };
};

const keywords: Readonly<Record<string, Read>> = {
  $id: ({ path }) => {
    // Elsewhere, references below it would be relative to it.
    if (path !== '#/$id') throw unsupported(path, 'it is allowed only at the top of a schema');
    return undefined;
  },
  $schema: nothing,
  $ref: nothing,
  $anchor: nothing,
  $dynamicAnchor: nothing,
  $dynamicRef: refused,
  $recursiveRef: refused,
  $recursiveAnchor: refused,
  $vocabulary: nothing,
  $comment: nothing,
  $defs: nothing,
  definitions: nothing,

  allOf: nothing,
  anyOf: nothing,
  oneOf: nothing,
  not: nothing,
  if: (keyword) => {
    // Alone it has no effect, and neither do the other two.
    if (keyword.schema['then'] === undefined && keyword.schema['else'] === undefined) return undefined;
    throw unsupported(keyword.path);
  },
  // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema, and nothing awaits this table.
  then: nothing,
  else: nothing,
  dependentSchemas: refusedFor('object', isEmptyObject),
  dependentRequired: refusedFor('object', isEmptyObject),
  dependencies: refusedFor('object', isEmptyObject),

  type: readType,
  enum: (keyword, { values }) => ({ values: bothValues(values, distinct(list(keyword))) ?? [] }),
  const: ({ value }, { values }) => ({ values: bothValues(values, [value]) ?? [] }),

  multipleOf: speaksOf('number', readMultiple),
  minimum: bound('min', false),
  maximum: bound('max', false),
  exclusiveMinimum: bound('min', true),
  exclusiveMaximum: bound('max', true),

  minLength: speaksOf('string', (keyword) => ({ minLength: { count: count(keyword), path: keyword.path } })),
  maxLength: speaksOf('string', (keyword) => ({ maxLength: count(keyword) })),
  pattern: speaksOf('string', (keyword, facts) => ({
    patterns: [...facts.patterns, { source: text(keyword), path: keyword.path }],
  })),
  format: readFormat,

  properties: speaksOf('object', (keyword) => ({ properties: schemas(keyword) })),
  additionalProperties: speaksOf('object', (keyword) => ({
    additional: schema(keyword),
    open: keyword.value !== false,
  })),
  required: speaksOf('object', (keyword) => ({ required: new Set(names(keyword)) })),
  propertyNames: speaksOf('object', (keyword) => ({ propertyNames: schema(keyword) })),
  minProperties: speaksOf('object', (keyword) => ({ minProperties: { count: count(keyword), path: keyword.path } })),
  maxProperties: speaksOf('object', (keyword) => ({ maxProperties: count(keyword) })),
  patternProperties: refusedFor('object', isEmptyObject),
  unevaluatedProperties: refusedFor('object', ({ value }) => value === true),

  items: speaksOf('array', (keyword) => {
    // The form of older drafts, which belongs to "additionalItems".
    if (Array.isArray(keyword.value)) throw unsupported(keyword.path, 'use "prefixItems" for an array of schemas');
    return { items: schema(keyword) };
  }),
  prefixItems: speaksOf('array', (keyword) => ({
    prefix: list(keyword).map((one, index) => [{ schema: one, path: `${keyword.path}/${index}` }]),
  })),
  minItems: speaksOf('array', (keyword) => ({ minItems: { count: count(keyword), path: keyword.path } })),
  maxItems: speaksOf('array', (keyword) => ({ maxItems: count(keyword) })),
  uniqueItems: refusedFor(
    'array',
    ({ value, schema: { maxItems } }) => value === false || maxItems === 0 || maxItems === 1,
  ),
  contains: refusedFor(
    'array',
    ({ schema: { minContains, maxContains } }) => minContains === 0 && maxContains === undefined,
  ),
  minContains: nothing,
  maxContains: nothing,
  additionalItems: refusedFor('array', ({ schema: { items } }) => !Array.isArray(items)),
  unevaluatedItems: refusedFor('array', ({ value }) => value === true),

  title: nothing,
  description: nothing,
  default: nothing,
  deprecated: nothing,
  readOnly: nothing,
  writeOnly: nothing,
  examples: nothing,
  contentEncoding: nothing,
  contentMediaType: nothing,
  contentSchema: nothing,

  // Keywords of older drafts and of OpenAPI that would change what is valid.
  nullable: ({ value, path }) => {
    if (value === true) throw unsupported(path, 'write "type": ["…", "null"]');
    return undefined;
  },
  extends: refused,
  disallow: refused,
  divisibleBy: refused,
};

function isEmptyObject({ value }: Keyword): boolean {
  return typeOf(value) === 'object' && Object.keys(value as object).length === 0;
}

const distinct = (values: readonly unknown[]) => [
  ...new Map(values.map((value) => [canonical(value), value])).values(),
];
