/**
 * The input of an operation as a job keeps and shows it: the models that it names are without the secrets of addresses, what
 * is to be kept nowhere is left out, and on disk long texts are cut.
 */
import { type OperationName, operations } from '../../contract/operations.ts';
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
 * The same without the texts of options: whether one of them is a secret that someone typed in place of its name is known
 * only once the worker's type has looked at it. Nothing of it is written down before that.
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
/** Longest input, as JSON, that is written down. */
const maxInputLength = 16_384;

/** Prompts may be books; what is written down is for people who look back at what they asked. */
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
