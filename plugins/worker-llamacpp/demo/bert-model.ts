/** A tiny BERT encoder with random weights: an embedding model for tests. Different texts give different vectors. */

import { noise } from '../../../tools/demo-models/noise.ts';
import { type Metadata, type Tensor, writeGguf } from './gguf-writer.ts';

const embedding = 64;
const layers = 2;
const heads = 4;
const feedForward = 128;
const contextLength = 256;
const meanPooling = 1;

/** Length of the vectors that the model returns. */
export const bertDimensions: number = embedding;

/** The model as the bytes of a GGUF file, about 400 kB. */
export const bertModel = (): Buffer => {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  // Only a piece that starts a word has the mark.
  const pieces = [...'abcdefghijklmnopqrstuvwxyz0123456789.,!?'].flatMap((letter) => [`▁${letter}`, letter]);
  const tokens = [...special, ...pieces];
  const metadata: Record<string, Metadata> = {
    'general.architecture': { type: 'string', value: 'bert' },
    'general.name': { type: 'string', value: 'rbee test embedding' },
    'general.file_type': { type: 'u32', value: 0 },
    'bert.block_count': { type: 'u32', value: layers },
    'bert.context_length': { type: 'u32', value: contextLength },
    'bert.embedding_length': { type: 'u32', value: embedding },
    'bert.feed_forward_length': { type: 'u32', value: feedForward },
    'bert.attention.head_count': { type: 'u32', value: heads },
    'bert.attention.layer_norm_epsilon': { type: 'f32', value: 1e-12 },
    'bert.attention.causal': { type: 'bool', value: false },
    'bert.pooling_type': { type: 'u32', value: meanPooling },
    'tokenizer.ggml.model': { type: 'string', value: 'bert' },
    'tokenizer.ggml.pre': { type: 'string', value: 'default' },
    'tokenizer.ggml.token_type_count': { type: 'u32', value: 2 },
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
    'tokenizer.ggml.scores': { type: 'f32s', value: tokens.map(() => 0) },
    'tokenizer.ggml.token_type': { type: 'i32s', value: tokens.map((_, index) => (index < special.length ? 3 : 1)) },
    'tokenizer.ggml.unknown_token_id': { type: 'u32', value: 1 },
    'tokenizer.ggml.padding_token_id': { type: 'u32', value: 0 },
    'tokenizer.ggml.cls_token_id': { type: 'u32', value: 2 },
    'tokenizer.ggml.bos_token_id': { type: 'u32', value: 2 },
    'tokenizer.ggml.seperator_token_id': { type: 'u32', value: 3 },
    'tokenizer.ggml.eos_token_id': { type: 'u32', value: 3 },
    'tokenizer.ggml.mask_token_id': { type: 'u32', value: 4 },
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: true },
    'tokenizer.ggml.add_eos_token': { type: 'bool', value: true },
  };
  return writeGguf(metadata, [
    { name: 'token_embd.weight', shape: [embedding, tokens.length], data: noise(embedding * tokens.length, 1) },
    { name: 'token_types.weight', shape: [embedding, 2], data: noise(embedding * 2, 2, 1 / 64) },
    {
      name: 'position_embd.weight',
      shape: [embedding, contextLength],
      data: noise(embedding * contextLength, 3, 1 / 32),
    },
    ...norm('token_embd_norm'),
    ...Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
  ]);
};

const block = (layer: number): Tensor[] => {
  const name = (part: string) => `blk.${layer}.${part}`;
  const seed = 20 * (layer + 1);
  return [
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].flatMap((part, index) =>
      linear(name(part), embedding, embedding, seed + index),
    ),
    ...norm(name('attn_output_norm')),
    ...linear(name('ffn_up'), embedding, feedForward, seed + 8),
    ...linear(name('ffn_down'), feedForward, embedding, seed + 9),
    ...norm(name('layer_output_norm')),
  ];
};

const linear = (name: string, inputs: number, outputs: number, seed: number): Tensor[] => [
  { name: `${name}.weight`, shape: [inputs, outputs], data: noise(inputs * outputs, seed, 1 / 8) },
  { name: `${name}.bias`, shape: [outputs], data: new Float32Array(outputs) },
];

const norm = (name: string): Tensor[] => [
  { name: `${name}.weight`, shape: [embedding], data: new Float32Array(embedding).fill(1) },
  { name: `${name}.bias`, shape: [embedding], data: new Float32Array(embedding) },
];
