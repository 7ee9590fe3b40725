/** The format of a worker's model, as far as it can be told before the model is brought in. */
import type { ModelReference } from '../../contract/model-reference.ts';
import type { ModelFormat } from '../../contract/worker-type.ts';
import type { TypeDescription } from '../../registry/description.ts';
import type { Call } from '../models/call.ts';
import { bringModels, type LaunchUse } from '../models/launch-models.ts';
import { weightFormat } from '../models/weights.ts';

/** Looks at what lies on this machine, and at the name alone of what comes from elsewhere. Errors: MODEL_…, of local ones. */
export const knownFormat = async (
  reference: ModelReference,
  use: LaunchUse,
  call: Call,
): Promise<ModelFormat | undefined> => {
  if (reference.kind === 'hf' || reference.kind === 'https') return likelyFormat(reference, use.type);
  return (await bringModels({ main: reference, components: {} }, use, call)).facts.format;
};

/** What the name of a file tells, where the type loads that. */
export const likelyFormat = (
  reference: Extract<ModelReference, { kind: 'hf' | 'https' }>,
  { models }: Pick<TypeDescription, 'models'>,
): ModelFormat | undefined => {
  const file = reference.kind === 'https' ? new URL(reference.url).pathname : (reference.select ?? '');
  const format = weightFormat(file);
  return format !== undefined && models?.formats.includes(format) ? format : undefined;
};
