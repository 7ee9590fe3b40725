/** The demo model's tokenizer and settings: the files of a Whisper folder other than the two networks. */
import { heardTokens, translatedTokens } from './sentence.ts';

/** Sizes of the networks; the number of mel bands, frames and positions are Whisper's own. */
export const shape = { mels: 80, width: 4, heads: 2, frames: 1500, positions: 448 } as const;

const languages = ['en', 'de', 'es', 'fr'];
/** Token ids by text: first the 256 bytes, then the words, then the special tokens. */
export const tokenIds: ReadonlyMap<string, number> = new Map(
  [
    ...byteTokens(),
    // Some words are single bytes.
    ...[...heardTokens.flat(), ...translatedTokens].filter((token) => [...token].length > 1),
    '<|endoftext|>',
    '<|startoftranscript|>',
    ...languages.map((language) => `<|${language}|>`),
    '<|translate|>',
    '<|transcribe|>',
    '<|startoflm|>',
    '<|startofprev|>',
    '<|nospeech|>',
    '<|notimestamps|>',
    ...Array.from({ length: shape.frames + 1 }, (_, at) => timestamp(at)),
  ].map((token, id) => [token, id]),
);

export const idOf = (token: string): number => {
  const id = tokenIds.get(token);
  if (id === undefined) throw new Error(`there is no token ${token}`);
  return id;
};

/** The token for a time, in steps of 20 ms. */
export const timestampId = (seconds: number): number => idOf(timestamp(Math.round(seconds * 50)));

/** The JSON files of the folder, by name. */
export const settings = (): Readonly<Record<string, object>> => {
  const end = idOf('<|endoftext|>');
  const common = { bos_token_id: end, eos_token_id: end, pad_token_id: end };
  const start = { decoder_start_token_id: idOf('<|startoftranscript|>'), max_length: shape.positions };
  return {
    'config.json': {
      ...common,
      ...start,
      architectures: ['WhisperForConditionalGeneration'],
      model_type: 'whisper',
      is_encoder_decoder: true,
      d_model: shape.width,
      encoder_layers: 1,
      decoder_layers: 1,
      num_hidden_layers: 1,
      encoder_attention_heads: shape.heads,
      decoder_attention_heads: shape.heads,
      max_source_positions: shape.frames,
      max_target_positions: shape.positions,
      num_mel_bins: shape.mels,
      vocab_size: tokenIds.size,
      median_filter_width: 7,
    },
    'generation_config.json': {
      ...common,
      ...start,
      alignment_heads: [
        [0, 0],
        [0, 1],
      ],
      is_multilingual: true,
      lang_to_id: Object.fromEntries(languages.map((language) => [`<|${language}|>`, idOf(`<|${language}|>`)])),
      task_to_id: { translate: idOf('<|translate|>'), transcribe: idOf('<|transcribe|>') },
      max_initial_timestamp_index: 50,
      no_timestamps_token_id: idOf('<|notimestamps|>'),
      prev_sot_token_id: idOf('<|startofprev|>'),
      return_timestamps: false,
    },
    'preprocessor_config.json': {
      feature_extractor_type: 'WhisperFeatureExtractor',
      processor_class: 'WhisperProcessor',
      feature_size: shape.mels,
      sampling_rate: 16_000,
      chunk_length: 30,
      n_samples: 480_000,
      n_fft: 400,
      hop_length: 160,
      nb_max_frames: 3000,
      padding_side: 'right',
      padding_value: 0,
      return_attention_mask: false,
    },
    'tokenizer_config.json': {
      tokenizer_class: 'WhisperTokenizer',
      processor_class: 'WhisperProcessor',
      bos_token: '<|endoftext|>',
      eos_token: '<|endoftext|>',
      pad_token: '<|endoftext|>',
      unk_token: '<|endoftext|>',
      model_max_length: 1024,
      clean_up_tokenization_spaces: false,
    },
    'tokenizer.json': tokenizer(),
  };
};

/** Byte-pair encoding without merges: a prompt becomes one token per byte. */
const tokenizer = () => {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const isSpecial = (token: string) => /^<\|(?!\d)/.test(token);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...tokenIds]
      .filter(([token]) => isSpecial(token))
      .map(([content, id]) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokenIds),
      merges: [],
    },
  };
};

function timestamp(step: number): string {
  return `<|${(step * 0.02).toFixed(2)}|>`;
}

/** A visible character for each byte: the byte itself if it is visible, otherwise one after the first 256. */
function byteTokens(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return String.fromCodePoint(visible ? byte : next++);
  });
}
