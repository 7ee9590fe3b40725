/** What the header of a GGUF file says, without the engine: flat keys, long lists left out. */
import type { ModelFacts } from '../../contract/worker-type.ts';

/** Reads the metadata; empty when the header cannot be read (the engine will say why). */
export const readGgufMetadata = async (path: string): Promise<ModelFacts['metadata']> => {
  const { gguf } = await import('@huggingface/gguf');
  try {
    const { metadata } = await gguf(path, { allowLocalFile: true });
    return Object.fromEntries(Object.entries(metadata).flatMap(([key, value]) => toScalar(key, value)));
  } catch {
    return {};
  }
};

const longestText = 4_000;

const toScalar = (key: string, value: unknown): [string, string | number | boolean][] => {
  if (typeof value === 'bigint') return [[key, Number(value)]];
  if (typeof value === 'number' || typeof value === 'boolean') return [[key, value]];
  if (typeof value === 'string' && value.length <= longestText) return [[key, value]];
  return [];
};
