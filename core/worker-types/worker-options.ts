/** The options of one worker: the user's values, checked against the type's schema, with defaults filled in. */
import { RbeeError } from '../contract/errors.ts';
import { referencedSecret, secretNamePattern } from '../contract/secret-reference.ts';
import { nearest } from '../narration/near.ts';
import type { TypeDescription } from './description.ts';

type Schema = NonNullable<TypeDescription['options']>['properties'][string];

/** Errors: OPTION_INVALID with the option and its allowed values. */
export const resolveOptions = (
  type: Pick<TypeDescription, 'name' | 'options'>,
  given: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> => {
  const schemas = type.options?.properties ?? {};
  const meant = new Map<string, unknown>();
  for (const [option, written] of Object.entries(given)) {
    const schema = Object.hasOwn(schemas, option) ? schemas[option] : undefined;
    if (!schema) throw unknownOption(type.name, option, Object.keys(schemas));
    const value = asMeant(schema, written);
    const problem = secretProblem(schema, value, { type: type.name, option }) ?? problemOf(schema, value);
    if (problem) {
      const hint = schema.type === 'array' ? `${schema.description}; ${howToList(option)}` : schema.description;
      throw RbeeError.of('OPTION_INVALID', { type: type.name, option, problem, hint });
    }
    meant.set(option, value);
  }
  const entries = Object.entries(schemas).map(
    ([option, schema]) => [option, meant.get(option) ?? schema.default] as const,
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
};

/** Secrets must be given by reference, and only to secret options. Errors: SECRET_EXPECTED. */
const secretProblem = (schema: Schema, value: unknown, about: { type: string; option: string }): string | undefined => {
  const name = referencedSecret(value);
  if (schema.secret !== true) return name === undefined ? undefined : 'it is not a secret, so give its value directly';
  if (name === undefined) throw RbeeError.of('SECRET_EXPECTED', about);
  return new RegExp(secretNamePattern).test(name) ? undefined : 'the text after secret: is not a valid secret name';
};

const howToList = (option: string): string =>
  `write several as ${option}=a,b or give the option several times, or as JSON: ${option}=["a","b"]`;

/** A command line cannot express types: the schema decides whether `20` is a number and `a,b` a list. */
const asMeant = (schema: Schema, value: unknown): unknown => {
  if (schema.type === 'array') return asList(value)?.map((item) => asMeant(itemOf(schema), item)) ?? value;
  if (schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  const isNumber = schema.type === 'integer' || schema.type === 'number';
  return isNumber && typeof value === 'string' && numeric.test(value) ? Number(value) : value;
};

/** A single value is a list of one; undefined if it cannot be read as a list. */
const asList = (value: unknown): unknown[] | undefined => {
  if (Array.isArray(value)) return value;
  if (typeof value === 'number' || typeof value === 'boolean') return [value];
  if (typeof value !== 'string') return undefined;
  const items = value.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
};

const itemOf = (schema: Schema): Schema => ({ ...schema, type: schema.items?.type ?? 'string' }) as Schema;

const numeric = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

const unknownOption = (type: string, option: string, known: string[]): RbeeError => {
  const near = nearest(option, known)[0];
  const hint = near
    ? `did you mean ${near}?`
    : known.length > 0
      ? `its options: ${known.join(', ')}`
      : 'it has no options';
  return RbeeError.of('OPTION_INVALID', { type, option, problem: 'there is no such option', hint });
};

const problemOf = (schema: Schema, value: unknown): string | undefined => {
  if (schema.type === 'array') {
    if (!Array.isArray(value)) return 'must be a list';
    return value.map((element) => scalarProblem(itemOf(schema), element)).find((problem) => problem !== undefined);
  }
  return scalarProblem(schema, value);
};

const scalarProblem = (schema: Schema, value: unknown): string | undefined => {
  if (Array.isArray(value)) return `takes one value, not ${value.length}`;
  const shown = JSON.stringify(value);
  const fits = schema.type === 'integer' ? Number.isSafeInteger(value) : typeof value === schema.type;
  if (!fits || value === Number.POSITIVE_INFINITY) return `must be ${article(schema.type)}, not ${shown}`;
  if (schema.enum && !schema.enum.includes(value as string))
    return `must be one of ${schema.enum.join(', ')}, not ${shown}`;
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum)
      return `must be at least ${schema.minimum}, not ${value}`;
    if (schema.maximum !== undefined && value > schema.maximum)
      return `must be at most ${schema.maximum}, not ${value}`;
  }
  if (typeof value === 'string') {
    if (value.includes('\0')) return 'contains a NUL character';
    if (schema.pattern && !new RegExp(schema.pattern).test(value)) return `${shown} does not match ${schema.pattern}`;
  }
  return undefined;
};

const article = (type: string): string =>
  type === 'integer' ? 'a whole number' : type === 'boolean' ? 'true or false' : `a ${type}`;

/**
 * The user's environment variables for the engine, checked against the ones that its type allows. Errors:
 * ENVIRONMENT_REFUSED.
 */
export const checkEnvironment = (
  type: Pick<TypeDescription, 'name' | 'environment'>,
  given: Readonly<Record<string, string>> = {},
): Record<string, string> => {
  const allowed = type.environment ?? [];
  for (const [variable, value] of Object.entries(given)) {
    const near = nearest(variable, allowed)[0];
    const hint =
      near !== undefined
        ? `did you mean ${near}?`
        : allowed.length > 0
          ? `it accepts: ${allowed.join(', ')}`
          : 'it accepts none; see its options with: rbee plugins inspect';
    if (!allowed.includes(variable))
      throw RbeeError.of('ENVIRONMENT_REFUSED', { type: type.name, variable, known: hint });
    const name = referencedSecret(value);
    const isName = name === undefined || new RegExp(secretNamePattern).test(name);
    if (isName && !value.includes('\0')) continue;
    throw RbeeError.of('INVALID_INPUT', {
      what: `the variable ${variable}`,
      problem: isName ? 'its value contains a NUL character' : 'it does not refer to a secret',
      hint: 'use text, or secret:NAME',
    });
  }
  return { ...given };
};
