/** Models that a hive has, by name. */
import { RbeeError } from '../../contract/errors.ts';
import { looksLikeReference } from '../../contract/model-reference.ts';
import type { HiveClient } from '../../hive/client.ts';

type Hive = Pick<HiveClient, 'modelGet'>;

/** The reference of a model by its name on the hive, or null. Errors: INVALID_INPUT if the name is ambiguous. */
export const referenceOf = async (hive: Hive, name: string): Promise<string | null> => {
  try {
    return (await hive.modelGet(name)).model;
  } catch (error) {
    if (error instanceof RbeeError && error.code === 'MODEL_NOT_DOWNLOADED') return null;
    throw error;
  }
};

/** Replaces names of models by references. Names that the hive does not know stay. Errors: INVALID_INPUT. */
export const withReferences = async <Spec extends { model?: string; components?: Readonly<Record<string, string>> }>(
  hive: Hive,
  spec: Spec,
): Promise<Spec> => {
  const { model, components } = spec;
  const resolve = async (text: string): Promise<string> =>
    looksLikeReference(text) ? text : ((await referenceOf(hive, text)) ?? text);
  const resolved = Object.entries(components ?? {}).map(async ([name, text]) => [name, await resolve(text)]);
  return {
    ...spec,
    ...(model !== undefined && { model: await resolve(model) }),
    ...(components !== undefined && { components: Object.fromEntries(await Promise.all(resolved)) }),
  };
};
