/** Describes the first field of a value that does not match its schema, and why. */
import type { TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';

/** The parts of a JSON Schema that lead to a field. */
interface Shape {
  properties?: Readonly<Record<string, TSchema>>;
  patternProperties?: Readonly<Record<string, TSchema>>;
  required?: readonly string[];
  items?: TSchema;
  maxItems?: number;
}

/**
 * For example `state.workers.3.port must be integer`. TypeBox's own error list examines every member of a list, and
 * needs hundreds of megabytes for a million members; this stops at the first fault.
 */
export const firstFault = (schema: TSchema, value: unknown, path = ''): string => {
  const {
    properties,
    patternProperties = {},
    required = [],
    items,
    maxItems = Number.POSITIVE_INFINITY,
  } = schema as Shape;
  if (properties && isObject(value)) {
    const missing = required.find((key) => !Object.hasOwn(value, key));
    if (missing !== undefined) return `${below(path, missing)} is missing`;
    for (const [key, field] of Object.entries(properties)) {
      if (Object.hasOwn(value, key) && !Check(field, value[key]))
        return firstFault(field, value[key], below(path, key));
    }
  }
  for (const [pattern, member] of Object.entries(isObject(value) ? patternProperties : {})) {
    const matches = new RegExp(pattern, 'u');
    const wrong = Object.entries(value as object).find(([key, one]) => matches.test(key) && !Check(member, one));
    if (wrong) return firstFault(member, wrong[1], below(path, wrong[0]));
  }
  if (items && Array.isArray(value)) {
    if (value.length > maxItems) return `${path || 'it'} must not have more than ${maxItems} items`;
    const at = value.findIndex((item) => !Check(items, item));
    if (at !== -1) return firstFault(items, value[at], below(path, String(at)));
  }
  return `${path || 'it'} ${reason(schema, value)}`;
};

const below = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** With several allowed shapes, the intended one is unknown: only the type of the value is reported. */
const reason = (schema: TSchema, value: unknown): string => {
  if (typeof value === 'object' && value !== null && 'anyOf' in schema) {
    return `must not be ${Array.isArray(value) ? 'a list' : 'an object'} of this shape`;
  }
  return [...Errors(schema, value)][0]?.message ?? 'does not fit';
};
