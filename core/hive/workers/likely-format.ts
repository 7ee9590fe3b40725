/** The format of a model that is not here yet, as far as its name tells. */
import type { ModelReference } from '../../contract/model-reference.ts';
import type { ModelFormat } from '../../contract/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { weightFormat } from '../models/weights.ts';

/** What the name of a file tells, where the type loads that. */
export const likelyFormat = (
  reference: Extract<ModelReference, { kind: 'hf' | 'https' }>,
  { models }: Pick<TypeDescription, 'models'>,
): ModelFormat | undefined => {
  const file = reference.kind === 'https' ? new URL(reference.url).pathname : (reference.select ?? '');
  const format = weightFormat(file);
  return format !== undefined && models?.formats.includes(format) ? format : undefined;
};
