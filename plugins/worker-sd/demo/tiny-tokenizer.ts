/** A CLIP tokenizer with a tiny vocabulary: all bytes, and the words that the demo model knows. */
import { colours } from './colours.ts';

const start = '<|startoftext|>';
const end = '<|endoftext|>';
const endOfWord = '</w>';

export interface TinyTokenizer {
  /** Contents of each file in the folder. */
  files: Readonly<Record<string, string>>;
  /** The id of each token. */
  vocabulary: Readonly<Record<string, number>>;
}

export const tinyTokenizer = (): TinyTokenizer => {
  const letters = byteLetters();
  const merges: [string, string][] = [];
  for (const word of Object.keys(colours)) merges.push(...mergesFor(word, merges));
  const tokens = [
    ...letters,
    ...letters.map((letter) => letter + endOfWord),
    ...merges.map(([left, right]) => left + right),
    start,
    end,
  ];
  const vocabulary = Object.fromEntries([...new Set(tokens)].map((token, index) => [token, index]));
  const special = { bos_token: start, eos_token: end, unk_token: end, pad_token: end };
  return {
    vocabulary,
    files: {
      'vocab.json': JSON.stringify(vocabulary),
      'merges.txt': `#version: 0.2\n${merges.map((pair) => pair.join(' ')).join('\n')}\n`,
      'special_tokens_map.json': JSON.stringify(special, null, 2),
      'tokenizer_config.json': JSON.stringify(
        { ...special, tokenizer_class: 'CLIPTokenizer', model_max_length: 77, do_lower_case: true },
        null,
        2,
      ),
    },
  };
};

/**
 * The merges that a word still needs to become one token. Merges of earlier words are applied first, as a tokenizer would.
 */
const mergesFor = (word: string, merges: readonly [string, string][]): [string, string][] => {
  let pieces = [...word.slice(0, -1), word.slice(-1) + endOfWord];
  for (const [left, right] of merges) pieces = merge(pieces, left, right);
  const missing: [string, string][] = [];
  for (const piece of pieces.slice(1)) missing.push([`${missing.at(-1)?.join('') ?? pieces[0]}`, piece]);
  return missing;
};

const merge = (pieces: readonly string[], left: string, right: string): string[] => {
  const merged: string[] = [];
  for (const piece of pieces) {
    if (merged.at(-1) === left && piece === right) merged[merged.length - 1] = left + right;
    else merged.push(piece);
  }
  return merged;
};

/** CLIP's printable character for each byte: printable Latin-1 stays as it is, the rest follows from code point 256. */
const byteLetters = (): string[] => {
  const ranges: [number, number][] = [
    [0x21, 0x7e],
    [0xa1, 0xac],
    [0xae, 0xff],
  ];
  const own = ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
  const rest = Array.from({ length: 256 - own.length }, (_, index) => 256 + index);
  return [...own, ...rest].map((code) => String.fromCodePoint(code));
};
