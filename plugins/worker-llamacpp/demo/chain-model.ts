/**
 * A language model with constructed weights instead of trained ones: each token of a sentence predicts the next, and any
 * other token predicts the first. To every program that loads it, it is an ordinary llama model.
 *
 * The residual stream of a token is a single 1 in its own dimension (all tokens outside the sentence share one). The output
 * row of a token reads the dimension of the token before it. The upper half of the dimensions holds noise, which attention
 * mixes over the whole text. It does not affect the next token, but makes embeddings differ between texts.
 */

import { noise } from '../../../tools/demo-models/noise.ts';
import { type Metadata, type Tensor, writeGguf } from './gguf-writer.ts';
import { sentenceTokens } from './sentence.ts';

const embedding = 64;
const layers = 2;
const heads = 4;
const keyValueHeads = 2;
const feedForward = 128;
const contextLength = 4096;
/** Large enough that even llama-server takes seconds to fill it. */
const endlessContextLength = 131_072;
/** Dimensions below this hold the position in the sentence, the others hold noise. */
const firstNoise = embedding / 2;
const outsideSentence = firstNoise - 1;
/** Margin of the right token's logit over the others: so high that no practical temperature changes the result. */
const certainty = 8;
const quiet = 1 / 64;

const chatTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const tokenTypes = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

export interface ChainModelOptions {
  /** Repeats the sentence forever, for tests that need a long answer. */
  endless?: boolean;
}

/** The model as the bytes of a GGUF file, about half a megabyte. */
export const chainModel = ({ endless = false }: ChainModelOptions = {}): Buffer => {
  const { tokens, types, scores } = vocabulary(endless);
  const id = (token: string) => tokens.indexOf(token);
  const chain = endless ? [...sentenceTokens, '▁Hello', '▁from'] : [...sentenceTokens, '<|im_end|>'];
  const metadata: Record<string, Metadata> = {
    'general.architecture': { type: 'string', value: 'llama' },
    'general.name': { type: 'string', value: endless ? 'rbee endless' : 'rbee demo' },
    'general.license': { type: 'string', value: 'apache-2.0' },
    'general.file_type': { type: 'u32', value: 0 },
    'llama.block_count': { type: 'u32', value: layers },
    'llama.context_length': { type: 'u32', value: endless ? endlessContextLength : contextLength },
    'llama.embedding_length': { type: 'u32', value: embedding },
    'llama.feed_forward_length': { type: 'u32', value: feedForward },
    'llama.attention.head_count': { type: 'u32', value: heads },
    'llama.attention.head_count_kv': { type: 'u32', value: keyValueHeads },
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-5 },
    'llama.rope.dimension_count': { type: 'u32', value: embedding / heads },
    'llama.rope.freq_base': { type: 'f32', value: 10_000 },
    'llama.vocab_size': { type: 'u32', value: tokens.length },
    'tokenizer.ggml.model': { type: 'string', value: 'llama' },
    'tokenizer.ggml.pre': { type: 'string', value: 'default' },
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
    'tokenizer.ggml.scores': { type: 'f32s', value: scores },
    'tokenizer.ggml.token_type': { type: 'i32s', value: types },
    'tokenizer.ggml.unknown_token_id': { type: 'u32', value: id('<unk>') },
    'tokenizer.ggml.bos_token_id': { type: 'u32', value: id('<s>') },
    'tokenizer.ggml.eos_token_id': { type: 'u32', value: id('<|im_end|>') },
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: true },
    'tokenizer.ggml.add_space_prefix': { type: 'bool', value: false },
    'tokenizer.chat_template': { type: 'string', value: chatTemplate },
  };
  return writeGguf(metadata, [
    { name: 'token_embd.weight', shape: [embedding, tokens.length], data: embeddings(tokens, chain) },
    ...Array.from({ length: layers }, (_, layer) => block(layer)).flat(),
    { name: 'output_norm.weight', shape: [embedding], data: ones(embedding) },
    { name: 'output.weight', shape: [embedding, tokens.length], data: outputs(tokens, chain) },
  ]);
};

/** Control tokens, one token for each byte, the printable characters, and the words of the sentence. */
const vocabulary = (endless: boolean) => {
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');
  const entries: [token: string, type: number][] = [
    ['<unk>', tokenTypes.unknown],
    ['<s>', tokenTypes.control],
    ['</s>', tokenTypes.control],
    ...Array.from({ length: 256 }, (_, byte): [string, number] => [`<0x${hex(byte)}>`, tokenTypes.byte]),
    ['<|im_start|>', tokenTypes.control],
    ['<|im_end|>', tokenTypes.control],
    ['▁', tokenTypes.normal],
    ...Array.from({ length: 94 }, (_, place): [string, number] => [String.fromCharCode(33 + place), tokenTypes.normal]),
    ...sentenceTokens.map((token): [string, number] => [token, tokenTypes.normal]),
    ...(endless ? [['▁Hello', tokenTypes.normal] as [string, number]] : []),
  ];
  return {
    tokens: entries.map(([token]) => token),
    types: entries.map(([, type]) => type),
    scores: entries.map(([, type], index) => (type === tokenTypes.normal ? -index : 0)),
  };
};

/** The dimension that stands for a token. */
const dimensionOf = (token: string, chain: readonly string[]) => {
  const place = chain.indexOf(token);
  return place === -1 || token === '<|im_end|>' ? outsideSentence : place;
};

const embeddings = (tokens: readonly string[], chain: readonly string[]) => {
  const rows = noise(tokens.length * embedding, 1, quiet);
  tokens.forEach((token, index) => {
    const start = index * embedding;
    rows.fill(0, start, start + firstNoise);
    rows[start + dimensionOf(token, chain)] = 1;
  });
  return rows;
};

const outputs = (tokens: readonly string[], chain: readonly string[]) => {
  const rows = new Float32Array(tokens.length * embedding);
  const lead = (dimension: number, token: string) => {
    rows[tokens.indexOf(token) * embedding + dimension] = certainty;
  };
  lead(outsideSentence, chain[0] as string);
  for (let place = 1; place < chain.length; place += 1) {
    lead(dimensionOf(chain[place - 1] as string, chain), chain[place] as string);
  }
  return rows;
};

const block = (layer: number): Tensor[] => {
  const name = (part: string) => `blk.${layer}.${part}.weight`;
  const seed = 10 * (layer + 1);
  const keyValueWidth = (embedding / heads) * keyValueHeads;
  return [
    { name: name('attn_norm'), shape: [embedding], data: ones(embedding) },
    { name: name('attn_q'), shape: [embedding, embedding], data: noise(embedding * embedding, seed, quiet) },
    {
      name: name('attn_k'),
      shape: [embedding, keyValueWidth],
      data: noise(embedding * keyValueWidth, seed + 1, quiet),
    },
    {
      name: name('attn_v'),
      shape: [embedding, keyValueWidth],
      data: noise(embedding * keyValueWidth, seed + 2, quiet),
    },
    { name: name('attn_output'), shape: [embedding, embedding], data: intoNoise(embedding, seed + 3) },
    { name: name('ffn_norm'), shape: [embedding], data: ones(embedding) },
    { name: name('ffn_gate'), shape: [embedding, feedForward], data: noise(embedding * feedForward, seed + 4, quiet) },
    { name: name('ffn_up'), shape: [embedding, feedForward], data: noise(embedding * feedForward, seed + 5, quiet) },
    { name: name('ffn_down'), shape: [feedForward, embedding], data: intoNoise(feedForward, seed + 6) },
  ];
};

/** A matrix that writes only to the noise dimensions, and keeps the position in the sentence. */
const intoNoise = (inputs: number, seed: number) => {
  const rows = noise(inputs * embedding, seed, quiet);
  rows.fill(0, 0, inputs * firstNoise);
  return rows;
};

const ones = (length: number) => new Float32Array(length).fill(1);
