/**
 * The input of an operation as a job stores and shows it: without secrets in model addresses, without fields that must
 * not be stored, and with long texts cut on disk.
 */
import { type OperationName, operations } from '../../contract/api/operations.ts';
import { referencedSecret } from '../../contract/secret-reference.ts';
import { addressWithoutSecrets } from '../../contract/secrets.ts';

export const keptInput = (operation: OperationName, input: unknown): unknown => {
  if (!isObject(input)) return input;
  const { unkept = [] } = operations[operation] as { unkept?: readonly string[] };
  const { model, components } = input;
  return {
    ...Object.fromEntries(Object.entries(input).filter(([field]) => !unkept.includes(field))),
    ...(typeof model === 'string' && { model: addressWithoutSecrets(model) }),
    ...(isObject(components) && {
      components: Object.fromEntries(
        Object.entries(components).map(([name, value]) => [
          name,
          typeof value === 'string' ? addressWithoutSecrets(value) : value,
        ]),
      ),
    }),
  };
};

/**
 * Also without text options: an option may be a secret that someone typed instead of its name, and only the worker's
 * type can tell. Until then, none is stored.
 */
export const uncheckedInput = (input: unknown): unknown => {
  if (!isObject(input) || !isObject(input['options'])) return input;
  const options = Object.entries(input['options']).map(([name, value]) => [name, isWritable(value) ? value : '…']);
  return { ...input, options: Object.fromEntries(options) };
};

const isWritable = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'boolean' || referencedSecret(value) !== undefined;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const maxTextLength = 2_000;
/** Maximum length of a stored input, as JSON. */
const maxInputLength = 16_384;

/** Prompts can be as long as books. The stored input is only for people who look back. */
export const storedInput = (input: unknown): unknown => {
  const short = shortened(input);
  if (!isObject(short) || JSON.stringify(short).length <= maxInputLength) return short;
  return Object.fromEntries(
    Object.entries(short).map(([key, value]) => {
      const text = JSON.stringify(value) ?? '';
      return [key, text.length > maxTextLength ? `… (${text.length} characters)` : value];
    }),
  );
};

const shortened = (value: unknown): unknown => {
  if (typeof value === 'string') return cut(value);
  if (Array.isArray(value)) return value.map(shortened);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shortened(one)]));
};

const cut = (text: string): string =>
  text.length > maxTextLength ? `${text.slice(0, maxTextLength)}… (${text.length} characters)` : text;
