/** Resolves a model reference on this hive: `~/` is the home of the user that runs the hive. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type ModelReference, parseModelReference } from '../../contract/model-reference.ts';

/** Errors: MODEL_REFERENCE_INVALID. */
export const hiveReference = (text: string, env: NodeJS.ProcessEnv): ModelReference => {
  const reference = parseModelReference(text);
  if (reference.kind !== 'file' || !reference.path.startsWith('~/')) return reference;
  return { kind: 'file', path: join(env['HOME'] || homedir(), reference.path.slice(2)) };
};
