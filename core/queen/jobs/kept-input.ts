/**
 * The input of an operation as a job keeps and shows it: the models that it names are without the secrets of addresses, and
 * on disk long texts are cut.
 */
import { addressWithoutSecrets } from '../../contract/secrets.ts';

export const keptInput = (input: unknown): unknown => {
  if (!isObject(input)) return input;
  const { model, components } = input;
  return {
    ...input,
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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const longestText = 2_000;
/** Longest input, as JSON, that is written down. */
const longestInput = 16_384;

/** Prompts may be books; what is written down is for people who look back at what they asked. */
export const storedInput = (input: unknown): unknown => {
  const short = shortened(input);
  if (!isObject(short) || JSON.stringify(short).length <= longestInput) return short;
  return Object.fromEntries(
    Object.entries(short).map(([key, value]) => {
      const text = JSON.stringify(value) ?? '';
      return [key, text.length > longestText ? `… (${text.length} characters)` : value];
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
  text.length > longestText ? `${text.slice(0, longestText)}… (${text.length} characters)` : text;
