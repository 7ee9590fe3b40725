/** The parts of transformers.js that we use: the library, a loaded model, and its settings. */
import type { PreTrainedTokenizer, Processor } from '@huggingface/transformers';

export type Library = typeof import('@huggingface/transformers');

/** The parts of the model that we use, including some that its public types lack. */
export interface Model {
  forward(inputs: object): Promise<unknown>;
  generate(inputs: object): Promise<unknown>;
  dispose(): Promise<unknown>;
  /** Names of the inputs that a call forwards. */
  forward_params: string[];
  sessions: Record<string, { run(feeds: object): Promise<Record<string, unknown>>; outputNames: readonly string[] }>;
  generation_config: {
    alignment_heads?: unknown;
    decoder_start_token_id: number;
    eos_token_id: number | number[];
    is_multilingual?: boolean;
    lang_to_id?: Record<string, number>;
    no_timestamps_token_id: number;
    prev_sot_token_id?: number;
    task_to_id?: Record<string, number>;
  };
}

export interface Tools {
  library: Library;
  model: Model;
  tokenizer: PreTrainedTokenizer;
  processor: Processor;
  fallback: boolean;
  multilingual: boolean;
  canTimeWords: boolean;
  /** Language codes by token. */
  languages: ReadonlyMap<number, string>;
  end: number;
  timeBegin: number;
  noSpeech: number | undefined;
}

export const createTools = (
  library: Library,
  model: Model,
  tokenizer: PreTrainedTokenizer,
  processor: Processor,
  fallback: boolean,
): Tools => {
  const config = model.generation_config;
  const ids = Object.entries(config.lang_to_id ?? {});
  const idOf = (token: string) => {
    const [id] = tokenizer.convert_tokens_to_ids([token]);
    return typeof id === 'number' ? id : undefined;
  };
  return {
    library,
    model,
    tokenizer,
    processor,
    fallback,
    multilingual: config.is_multilingual === true && ids.length > 0,
    canTimeWords:
      Array.isArray(config.alignment_heads) &&
      (model.sessions['decoder_model_merged']?.outputNames.some((name) => name.startsWith('cross_attentions')) ??
        false),
    languages: new Map(ids.map(([token, id]) => [id, token.slice(2, -2)])),
    end: [config.eos_token_id].flat()[0] ?? 0,
    timeBegin: config.no_timestamps_token_id + 1,
    noSpeech: idOf('<|nospeech|>') ?? idOf('<|nocaptions|>'),
  };
};
