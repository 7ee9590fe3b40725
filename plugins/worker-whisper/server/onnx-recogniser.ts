/** Whisper through transformers.js on ONNX Runtime. It blocks its process, so it runs in a separate one. */
import type { Tensor as TensorType } from '@huggingface/transformers';
import { languageName } from './languages.ts';
import { bestAttempt, listen, textOf } from './onnx-attempts.ts';
import { createTools, type Model, type Tools } from './onnx-tools.ts';
import { wordsOf } from './onnx-words.ts';
import { type Recognised, type Recogniser, UnsupportedError, type WindowRequest } from './recogniser.ts';
import { segmentsOf } from './token-segments.ts';
import type { Segment } from './transcript.ts';

export interface OnnxOptions {
  folder: string;
  device: 'cpu' | 'cuda';
  dtype: string;
  /** 0: ONNX Runtime chooses. */
  threads: number;
  chunkSeconds: number;
  temperatureFallback: boolean;
  onProgress(fraction: number): void;
}

/** Seconds per window. */
const windowSeconds = 30;

export const createOnnxRecogniser = async (options: OnnxOptions): Promise<Recogniser> => {
  const library = await import('@huggingface/transformers');
  library.env.allowRemoteModels = false;
  library.env.useFSCache = false;
  library.env.logLevel = library.LogLevel.ERROR;
  const local = { local_files_only: true };
  const tokenizer = await library.AutoTokenizer.from_pretrained(options.folder, local);
  const processor = await library.AutoProcessor.from_pretrained(options.folder, local);
  options.onProgress(0.1);
  const model = (await library.WhisperForConditionalGeneration.from_pretrained(options.folder, {
    ...local,
    device: options.device,
    dtype: options.dtype as 'fp32',
    session_options: options.threads > 0 ? { intraOpNumThreads: options.threads, interOpNumThreads: 1 } : {},
  })) as unknown as Model;
  // Encode the sound once for all attempts.
  model.forward_params.push('encoder_outputs');
  options.onProgress(1);
  const tools = createTools(library, model, tokenizer, processor, options.temperatureFallback);
  return {
    windowSeconds: Math.min(windowSeconds, options.chunkSeconds),
    recognise: (samples, request) => recognise(tools, samples, request),
    close: async () => void (await model.dispose()),
  };
};

const recognise = async (tools: Tools, samples: Float32Array, request: WindowRequest): Promise<Recognised> => {
  const { library, model, processor, multilingual } = tools;
  const length = samples.length / 16_000;
  checkWishes(tools, request);
  const { input_features: features } = (await processor(samples)) as { input_features: TensorType };
  request.signal.throwIfAborted();
  const encoded = await model.sessions['model']?.run({ input_features: features.ort_tensor });
  request.signal.throwIfAborted();
  const sound = { features, encoded: new library.Tensor(encoded?.['last_hidden_state'] as TensorType['ort_tensor']) };
  const first = await listen(tools, sound);
  const language = multilingual ? (request.language ?? first.language ?? 'en') : 'en';
  const nothing = { language, segments: [], words: [], consumed: length };
  const attempt = await bestAttempt(tools, sound, { ...request, language }, first.noSpeechProb, length);
  if (attempt === undefined) return nothing;
  const { segments, consumed } = segmentsOf(attempt.tokens, tools.timeBegin, length);
  const texts = segments.map(({ tokens }) => textOf(tools.tokenizer, tokens));
  const facts = {
    temperature: attempt.temperature,
    avgLogprob: attempt.avgLogprob,
    compressionRatio: attempt.compressionRatio,
    noSpeechProb: first.noSpeechProb,
  };
  return {
    language,
    consumed,
    segments: segments
      .map(({ start, end, tokens }, at): Segment => ({ start, end, tokens, text: texts[at] ?? '', ...facts }))
      .filter(({ text }) => text.trim() !== ''),
    words: request.words
      ? segments.flatMap((segment) => wordsOf(tools.tokenizer, segment, attempt.times, language))
      : [],
  };
};

const checkWishes = ({ multilingual, languages, canTimeWords }: Tools, { task, language, words }: WindowRequest) => {
  if (!multilingual && task === 'translate') {
    throw new UnsupportedError('this model supports only English and cannot translate', 'model');
  }
  if (!multilingual && language !== null && language !== 'en') {
    throw new UnsupportedError('this model supports only English', 'language');
  }
  if (multilingual && language !== null && ![...languages.values()].includes(language)) {
    throw new UnsupportedError(`this model does not know ${languageName(language)}`, 'language');
  }
  if (words && !canTimeWords) {
    throw new UnsupportedError(
      'this model has no word times: it was exported without attentions; use an export whose name ends in "_timestamped"',
      'timestamp_granularities',
    );
  }
};
