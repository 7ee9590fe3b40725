/** Copies values, keeping only the fields that their schema lists. */
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';

type Copy = (value: unknown) => unknown;

/** The parts of a JSON Schema that decide what is kept. */
interface Shape {
  type?: string;
  properties?: Readonly<Record<string, TSchema>>;
  patternProperties?: Readonly<Record<string, TSchema>>;
  items?: TSchema;
  anyOf?: readonly TSchema[];
  /** Longer texts are cut: see `textOf`. */
  truncate?: number;
}

/**
 * Returns a function that copies a value without the fields that the schema does not list. The value must have passed a
 * check against the same schema. TypeBox's own `Clean` is a hundred times slower, too slow for heartbeats.
 */
export const knownFields = (schema: TSchema): Copy => {
  const { properties, patternProperties, items, anyOf, truncate } = schema as Shape;
  if (properties) return copyObject(properties);
  if (patternProperties) return copyRecord(patternProperties);
  if (anyOf) return copyUnion(anyOf);
  if (truncate !== undefined) return (value) => truncated(value as string, truncate);
  if (items) {
    const copy = knownFields(items);
    return copy === asItIs ? (value) => [...(value as unknown[])] : (value) => (value as unknown[]).map(copy);
  }
  return asItIs;
};

const truncated = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

const asItIs: Copy = (value) => value;

const copyObject = (properties: Readonly<Record<string, TSchema>>): Copy => {
  const fields = Object.entries(properties).map(([key, schema]) => [key, knownFields(schema)] as const);
  return (value) => {
    const from = value as Record<string, unknown>;
    const copy: Record<string, unknown> = {};
    for (const [key, copyField] of fields) if (Object.hasOwn(from, key)) copy[key] = copyField(from[key]);
    return copy;
  };
};

const copyRecord = (patternProperties: Readonly<Record<string, TSchema>>): Copy => {
  const patterns = Object.entries(patternProperties).map(
    ([pattern, schema]) => [new RegExp(pattern, 'u'), knownFields(schema)] as const,
  );
  return (value) => {
    const known = Object.entries(value as Record<string, unknown>).flatMap(([key, one]) => {
      const copyField = patterns.find(([pattern]) => pattern.test(key))?.[1];
      return copyField ? [[key, copyField(one)]] : [];
    });
    return Object.fromEntries(known);
  };
};

/** The first matching member decides. Members that keep everything need no check. */
const copyUnion = (schemas: readonly TSchema[]): Copy => {
  const members = schemas
    .map((schema) => ({ schema, type: (schema as Shape).type, copy: knownFields(schema) }))
    .filter(({ copy }) => copy !== asItIs);
  const compiled = new Map<TSchema, Validator>();
  const fits = (schema: TSchema, value: unknown): boolean => {
    const validator = compiled.get(schema) ?? Compile(schema);
    compiled.set(schema, validator);
    return validator.Check(value);
  };
  return (value) => {
    const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    const candidates = members.filter((member) => member.type === undefined || member.type === type);
    const [only] = candidates;
    if (candidates.length <= 1) return only && only.type === type ? only.copy(value) : value;
    return (candidates.find(({ schema }) => fits(schema, value))?.copy ?? asItIs)(value);
  };
};
