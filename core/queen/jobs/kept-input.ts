/** The input of an operation as a job keeps and shows it: the models that it names are without the secrets of addresses. */
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
