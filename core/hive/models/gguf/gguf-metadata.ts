/** Facts about GGUF files from their header and name, without an engine. */
import { basename } from 'node:path';
import type { GgufView } from '../../../contract/models.ts';
import type { ModelFacts } from '../../../contract/worker-type/worker-type.ts';
import type { GgufHeaders } from './gguf-headers.ts';

/** The metadata passed to a worker type; empty if the header cannot be read (the engine will report why). */
export const readGgufMetadata = async (headers: GgufHeaders, path: string): Promise<ModelFacts['metadata']> =>
  (await headers.of(path))?.metadata ?? {};

/** Facts about a GGUF model for users, from its parts in order; null if its header cannot be read. */
export const readGgufView = async (headers: GgufHeaders, parts: readonly string[]): Promise<GgufView | null> => {
  const read = await Promise.all(parts.map((path) => headers.of(path)));
  const all = read.filter((header) => header !== null);
  const [first] = all;
  if (first === undefined || all.length < parts.length) return null;
  const { GGMLFileQuantizationType, parseGGUFQuantLabel } = await import('@huggingface/gguf');
  const { metadata, longTexts } = first;
  const architecture = textOf(metadata['general.architecture']);
  const type = numberOf(metadata['general.file_type']);
  const named = parseGGUFQuantLabel(basename(parts[0] ?? ''));
  const template = 'tokenizer.chat_template';
  return {
    architecture,
    parameters: all.reduce((sum, { parameters }) => sum + parameters, 0) || null,
    contextLength: numberOf(metadata[`${architecture}.context_length`]),
    quantization: named ?? (type === null ? null : (GGMLFileQuantizationType[type] ?? null)),
    chatTemplate: textOf(metadata[template]) !== null || longTexts.includes(template),
  };
};

export interface QuantizationNames {
  /** `Q4_K_M` from `model-Q4_K_M.gguf`; undefined if the name does not contain it. */
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

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
