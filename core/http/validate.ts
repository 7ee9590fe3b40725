/** Checks input against a schema and says what is wrong: which field, and what was probably meant. */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { RbeeError } from '../contract/errors.ts';
import { nearest } from '../narration/near.ts';

/** Returns a function that returns its argument if it matches the schema, otherwise throws INVALID_INPUT about `what`. */
export const validator = <Schema extends TSchema>(schema: Schema, what: string) => {
  let compiled: ReturnType<typeof Compile> | undefined;
  const fields = fieldsOf(schema);
  return (value: unknown): Static<Schema> => {
    // Compiled on first use: most operations are never used during the life of a queen.
    compiled ??= Compile(schema);
    if (compiled.Check(value)) return value as Static<Schema>;
    throw invalid(what, compiled.Errors(value) as Fault[], value, fields);
  };
};

interface Fault {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message: string;
}

const fieldsOf = (schema: TSchema): string[] =>
  'properties' in schema && typeof schema.properties === 'object' && schema.properties !== null
    ? Object.keys(schema.properties)
    : [];

const invalid = (what: string, faults: readonly Fault[], value: unknown, fields: readonly string[]): RbeeError => {
  const error = (problem: string, hint: string) => RbeeError.of('INVALID_INPUT', { what, problem, hint });
  const accepted = fields.length > 0 ? `it takes: ${fields.join(', ')}` : 'it takes no fields';
  const extra = faults.find((fault) => fault.keyword === 'additionalProperties' && fault.instancePath === '');
  const unknown = (extra?.params['additionalProperties'] as string[] | undefined)?.[0];
  if (unknown !== undefined) {
    const near = nearest(unknown, fields)[0];
    return error(`there is no field ${shown(unknown)}`, near === undefined ? accepted : `did you mean ${near}?`);
  }
  const missing = faults.find((fault) => fault.keyword === 'required');
  const required = (missing?.params['requiredProperties'] as string[] | undefined)?.[0];
  if (missing && required !== undefined) return error(`${fieldName(missing, required)} is missing`, accepted);
  const fault = faults[0];
  if (!fault || fault.instancePath === '') return error(`it ${fault?.message ?? 'does not fit'}`, accepted);
  const choices = faults.filter(
    ({ keyword, instancePath }) => keyword === 'const' && instancePath === fault.instancePath,
  );
  const given = `it is ${shown(valueAt(value, fault.instancePath))}`;
  if (choices.length > 0) {
    const allowed = choices.map(({ params }) => String(params['allowedValue'])).join(', ');
    return error(`${fieldName(fault)} must be one of ${allowed}`, given);
  }
  return error(`${fieldName(fault)} ${fault.message}`, given);
};

const fieldName = (fault: Fault, below?: string): string =>
  [...fault.instancePath.split('/').slice(1), ...(below === undefined ? [] : [below])].join('.');

const valueAt = (value: unknown, path: string): unknown =>
  path
    .split('/')
    .slice(1)
    .reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[key], value);

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};
