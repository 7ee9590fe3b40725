/** Roughly estimates a worker's memory from the header of its model, erring on the high side. */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { type Options, withDefaults } from './options.ts';

const mebibyte = 1024 * 1024;
/** The program without a model, measured. */
const programBytes: Readonly<Record<string, number>> = { builtin: 120 * mebibyte, 'llama-server': 25 * mebibyte };

/** Bytes per number of the context, by format; quantized formats also store scales for each block of 32. */
const cacheBytes: Readonly<Record<string, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

export const estimate = (model: ModelFacts, launch: LaunchRequest): MemoryEstimate => {
  const options = withDefaults(launch.options);
  const shape = shapeOf(model.metadata);
  const program = programBytes[launch.binary.id] ?? 0;
  const context = contextBytes(shape, options);
  const compute = computeBytes(shape, options);
  const share = launch.variant === 'cpu' ? 0 : gpuShare(shape, options);
  return {
    ram: Math.ceil(program + (model.bytes + context) * (1 - share) + (share === 0 ? compute : compute / 4)),
    vram: Math.ceil((model.bytes + context) * share + (share === 0 ? 0 : compute)),
  };
};

/** A model's dimensions from its header; typical values where the header is silent. */
export interface Shape {
  layers: number;
  embedding: number;
  keyWidth: number;
  valueWidth: number;
  vocabulary: number;
  trainContext: number;
}

export const shapeOf = (metadata: ModelFacts['metadata']): Shape => {
  const architecture = String(metadata['general.architecture'] ?? '');
  const read = (key: string): number | undefined => {
    const value = Number(metadata[`${architecture}.${key}`]);
    return Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const embedding = read('embedding_length') ?? 4096;
  const heads = read('attention.head_count') ?? 32;
  // Some models have a different number for each layer, which the header's flat form omits.
  const keyValueHeads = read('attention.head_count_kv') ?? heads;
  const head = embedding / heads;
  return {
    layers: read('block_count') ?? 32,
    embedding,
    keyWidth: keyValueHeads * (read('attention.key_length') ?? head),
    valueWidth: keyValueHeads * (read('attention.value_length') ?? head),
    vocabulary: read('vocab_size') ?? 32_000,
    trainContext: read('context_length') ?? Number.POSITIVE_INFINITY,
  };
};

/** Bytes of keys and values for all slots. */
export const contextBytes = (
  shape: Shape,
  options: Pick<Options, 'context' | 'slots' | 'cache_type_k' | 'cache_type_v'>,
): number => {
  const cells = Math.min(options.context, shape.trainContext) * options.slots;
  const perCell =
    shape.keyWidth * (cacheBytes[options.cache_type_k] ?? 2) +
    shape.valueWidth * (cacheBytes[options.cache_type_v] ?? 2);
  return cells * shape.layers * perCell;
};

/** Intermediate results of one batch: the logits, and the activations of a few layers. */
export const computeBytes = (shape: Shape, { batch }: Pick<Options, 'batch'>): number =>
  16 * mebibyte + batch * 4 * (shape.vocabulary + 12 * shape.embedding);

/** Share of weights and context on the GPU. */
const gpuShare = ({ layers }: Shape, { gpu_layers }: Options) =>
  /^\d+$/.test(gpu_layers) ? Math.min(1, Number(gpu_layers) / (layers + 1)) : 1;
