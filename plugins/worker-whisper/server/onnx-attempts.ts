/** Transcribes one window: detects language and speech, then tries to get the text with rising temperature. */
import type { PreTrainedTokenizer, Tensor as TensorType } from '@huggingface/transformers';
import { compressionRatio } from './compression.ts';
import { languageCode } from './languages.ts';
import type { Library, Tools } from './onnx-tools.ts';
import type { WindowRequest } from './recogniser.ts';

/** Maximum tokens per window and per prompt. */
const maxTokens = 224;
const maxPromptTokens = 223;
/** Encoder frames per second. */
const framesPerSecond = 50;
/** Thresholds for failed texts, from Whisper's own program. */
const compressionAbove = 2.4;
const logprobBelow = -1;
const noSpeechAbove = 0.6;

export interface Sound {
  features: TensorType;
  encoded: TensorType;
}

/** The detected language, and the probability of silence. */
export const listen = async ({ library, model, languages, noSpeech }: Tools, { features, encoded }: Sound) => {
  const start = new library.Tensor('int64', [BigInt(model.generation_config.decoder_start_token_id)], [1, 1]);
  const { logits } = (await model.forward({
    input_features: features,
    encoder_outputs: encoded,
    decoder_input_ids: start,
  })) as { logits: TensorType };
  const values = (logits.to('float32') as TensorType).data as Float32Array;
  let best: number | undefined;
  for (const id of languages.keys()) if ((values[id] ?? 0) > (values[best ?? id] ?? 0) || best === undefined) best = id;
  return {
    language: best === undefined ? undefined : languageCode(languages.get(best) ?? ''),
    noSpeechProb: noSpeech === undefined ? 0 : Math.exp(logprobOf(values, noSpeech)),
  };
};

export interface Attempt {
  /** Without the prompt and the end. */
  tokens: number[];
  /** When each token was said, in seconds; only if word times are requested. */
  times: readonly number[];
  temperature: number;
  avgLogprob: number;
  compressionRatio: number;
}

/** Tries with rising temperature until the text neither repeats itself nor is a guess. Returns nothing for silence. */
export const bestAttempt = async (
  tools: Tools,
  sound: Sound,
  request: WindowRequest & { language: string },
  noSpeechProb: number,
  length: number,
): Promise<Attempt | undefined> => {
  const mayRise = tools.fallback && request.temperature === 0;
  const temperatures = mayRise ? [0, 0.2, 0.4, 0.6, 0.8, 1] : [request.temperature];
  let attempt: Attempt | undefined;
  for (const temperature of temperatures) {
    attempt = await write(tools, sound, { ...request, temperature }, length);
    const unsure = attempt.avgLogprob < logprobBelow;
    if (unsure && noSpeechProb > noSpeechAbove) return undefined;
    if (!unsure && attempt.compressionRatio <= compressionAbove) return attempt;
  }
  return attempt;
};

const write = async (
  { library, model, tokenizer, end, multilingual, timeBegin }: Tools,
  { features, encoded }: Sound,
  { task, language, prompt, temperature, words, signal }: WindowRequest & { language: string },
  length: number,
): Promise<Attempt> => {
  const config = model.generation_config;
  const before =
    prompt.trim() === '' || config.prev_sot_token_id === undefined
      ? []
      : [
          config.prev_sot_token_id,
          ...tokenizer.encode(` ${prompt.trim()}`, { add_special_tokens: false }).slice(-maxPromptTokens),
        ];
  const wishes = multilingual ? [config.lang_to_id?.[`<|${language}|>`], config.task_to_id?.[task]] : [];
  const start = [...before, config.decoder_start_token_id, ...wishes.filter((token) => token !== undefined)];
  const processors = new library.LogitsProcessorList();
  processors.push(new library.WhisperTimeStampLogitsProcessor(config as never, start));
  const scores = createScores(library);
  processors.push(scores.processor);
  const output = (await model.generate({
    inputs: features,
    encoder_outputs: encoded,
    decoder_input_ids: start,
    logits_processor: processors,
    max_new_tokens: maxTokens,
    streamer: leavingWith(signal),
    ...(temperature > 0 ? { do_sample: true, temperature, top_k: 0 } : { do_sample: false }),
    ...(words ? { return_token_timestamps: true, num_frames: Math.max(1, Math.floor(length * framesPerSecond)) } : {}),
  })) as TensorType | { sequences: TensorType; token_timestamps: TensorType };
  const timed = 'sequences' in output ? output : undefined;
  const sequence = numbersOf((timed?.sequences ?? output) as TensorType).slice(start.length);
  const ended = sequence.indexOf(end);
  const tokens = ended === -1 ? sequence : sequence.slice(0, ended);
  const text = textOf(
    tokenizer,
    tokens.filter((token) => token < timeBegin),
  );
  return {
    tokens,
    times: timed === undefined ? [] : numbersOf(timed.token_timestamps).slice(start.length),
    temperature,
    avgLogprob: scores.total(sequence) / Math.max(1, tokens.length + 1),
    compressionRatio: compressionRatio(text),
  };
};

/** The tokenizer throws on an empty list. */
export const textOf = (tokenizer: PreTrainedTokenizer, tokens: readonly number[]): string =>
  tokens.length === 0 ? '' : tokenizer.decode([...tokens], { skip_special_tokens: true });

const numbersOf = (tensor: TensorType): number[] => Array.from(tensor.data as Iterable<number | bigint>, Number);

/** The library has no way to cancel, but passes each token to a streamer, which can throw. */
const leavingWith = (signal: AbortSignal) => ({ put: () => signal.throwIfAborted(), end: () => {} });

/** Adds up the log probabilities of the chosen tokens. Which token was chosen is known only at the next step. */
const createScores = (library: Library) => {
  let last: Float32Array | undefined;
  let sum = 0;
  const add = (token: number | bigint | undefined) => {
    if (last !== undefined && token !== undefined) sum += logprobOf(last, Number(token));
  };
  class Recorder extends library.LogitsProcessor {
    override _call(ids: bigint[][], logits: TensorType) {
      add(ids[0]?.at(-1));
      last = Float32Array.from(logits.data as Float32Array);
      return logits;
    }
  }
  return {
    processor: new Recorder(),
    total: (sequence: readonly number[]) => {
      add(sequence.at(-1));
      return sum;
    },
  };
};

const logprobOf = (logits: Float32Array, token: number): number => {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of logits) if (value > most) most = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - most);
  return (logits[token] ?? Number.NEGATIVE_INFINITY) - most - Math.log(sum);
};
