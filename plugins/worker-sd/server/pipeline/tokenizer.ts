/** CLIP's tokenizer, from the files of a model in either of their two formats. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';

export interface TextTokenizer {
  /** The tokens of a text with start, end and padding; always `length` of them. */
  encode(text: string): { ids: number[]; cutOff: boolean };
  /** Tokens per text: 77 in every CLIP model. */
  length: number;
}

interface SpecialTokens {
  bos_token?: string | { content: string };
  eos_token?: string | { content: string };
  pad_token?: string | { content: string };
  model_max_length?: number;
}

const clipLength = 77;
const clipStart = '<|startoftext|>';
const clipEnd = '<|endoftext|>';

/** `folder` contains `tokenizer.json`, or `vocab.json` and `merges.txt`. Throws if it does not. */
export const loadTokenizer = (folder: string): TextTokenizer => {
  const config = {
    ...readJson<SpecialTokens>(join(folder, 'tokenizer_config.json')),
    ...readJson<SpecialTokens>(join(folder, 'special_tokens_map.json')),
  };
  const whole = readJson<object>(join(folder, 'tokenizer.json'));
  const tokenizer = new Tokenizer(whole ?? fromVocabulary(folder), {});
  const idOf = (token: string): number => {
    const id = tokenizer.token_to_id(token);
    if (id === undefined) throw new Error(`${folder} does not know the token ${token}`);
    return id;
  };
  const start = idOf(textOf(config.bos_token) ?? clipStart);
  const end = idOf(textOf(config.eos_token) ?? clipEnd);
  const fill = idOf(textOf(config.pad_token) ?? clipEnd);
  // Some files contain an absurdly large number, which means no limit.
  const length = Math.min(config.model_max_length ?? clipLength, clipLength);
  return {
    length,
    encode: (text) => {
      const words = tokenizer.encode(text, { add_special_tokens: false }).ids;
      const kept = [start, ...words.slice(0, length - 2), end];
      return { ids: [...kept, ...Array(length - kept.length).fill(fill)], cutOff: words.length > length - 2 };
    },
  };
};

const textOf = (token: string | { content: string } | undefined) => (typeof token === 'object' ? token.content : token);

const readJson = <Value>(file: string): Value | undefined =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Value) : undefined;

/** The parts of a `tokenizer.json` that configure CLIP's tokenizer. */
const fromVocabulary = (folder: string): object => {
  const vocab = readJson<Record<string, number>>(join(folder, 'vocab.json'));
  if (vocab === undefined) throw new Error(`${folder} has neither tokenizer.json nor vocab.json`);
  const merges = readFileSync(join(folder, 'merges.txt'), 'utf8')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.startsWith('#version'));
  const special = [clipStart, clipEnd].filter((content) => content in vocab);
  return {
    version: '1.0',
    added_tokens: special.map((content) => ({
      id: vocab[content],
      content,
      special: true,
      normalized: false,
      single_word: false,
      lstrip: false,
      rstrip: false,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: clipEnd,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
};
