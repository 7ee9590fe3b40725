/** What GGUF files say of themselves in header and name, without the engine. */
import { basename } from 'node:path';
import type { GgufView } from '../../contract/models.ts';
import type { ModelFacts } from '../../contract/worker-type.ts';

/** Reads the metadata: flat keys, long lists left out; empty when the header cannot be read (the engine will say why). */
export const readGgufMetadata = async (path: string): Promise<ModelFacts['metadata']> => {
  const { gguf } = await import('@huggingface/gguf');
  try {
    const { metadata } = await gguf(path, { allowLocalFile: true });
    return Object.fromEntries(Object.entries(metadata).flatMap(([key, value]) => toScalar(key, value)));
  } catch {
    return {};
  }
};

/** What people want to know of a GGUF model, given as its parts in order; null when its header cannot be read. */
export const readGgufView = async (parts: readonly string[]): Promise<GgufView | null> => {
  const { gguf, GGMLFileQuantizationType, parseGGUFQuantLabel } = await import('@huggingface/gguf');
  try {
    const headers = [];
    // One after another: each header may take megabytes.
    for (const path of parts) headers.push(await gguf(path, { allowLocalFile: true, computeParametersCount: true }));
    const metadata = (headers[0]?.metadata ?? {}) as Record<string, unknown>;
    const architecture = textOf(metadata['general.architecture']);
    const type = numberOf(metadata['general.file_type']);
    const named = parseGGUFQuantLabel(basename(parts[0] ?? ''));
    return {
      architecture,
      parameters: headers.reduce((sum, { parameterCount }) => sum + parameterCount, 0) || null,
      contextLength: numberOf(metadata[`${architecture}.context_length`]),
      quantization: named ?? (type === null ? null : (GGMLFileQuantizationType[type] ?? null)),
      chatTemplate: textOf(metadata['tokenizer.chat_template']) !== null,
    };
  } catch {
    return null;
  }
};

export interface QuantizationNames {
  /** `Q4_K_M` of `model-Q4_K_M.gguf`, undefined where a name says nothing. */
  of(name: string): string | undefined;
  /** From the largest to the smallest. */
  order: readonly string[];
}

export const quantizationNames = async (): Promise<QuantizationNames> => {
  const { GGMLFileQuantizationType, GGUF_QUANT_ORDER, parseGGUFQuantLabel } = await import('@huggingface/gguf');
  return {
    of: parseGGUFQuantLabel,
    order: GGUF_QUANT_ORDER.map((type) => GGMLFileQuantizationType[type]),
  };
};

const longestText = 4_000;

const toScalar = (key: string, value: unknown): [string, string | number | boolean][] => {
  if (typeof value === 'bigint') return [[key, Number(value)]];
  if (typeof value === 'number' || typeof value === 'boolean') return [[key, value]];
  if (typeof value === 'string' && value.length <= longestText) return [[key, value]];
  return [];
};

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const numberOf = (value: unknown): number | null => {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
};
