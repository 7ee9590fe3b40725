/** Maps engines' errors to statuses and codes. The first rule that matches decides. */
import type { ServedKind } from '../../contract/worker-type/worker-type.ts';
import type { EngineError } from './engine-error.ts';

export interface Meaning {
  status: number;
  code: string;
  param: string | null;
  hint?: string;
  /** Sent as `Retry-After`, in seconds. */
  retryAfter?: number;
}

interface Rule {
  /** Matched against type, code and message. */
  says?: RegExp;
  /** The statuses for which it applies; any when absent. */
  statuses?: readonly number[];
  status: number;
  code: string;
  /** `input` is the field that holds the input, depending on the kind of path. Absent: a field named in the message. */
  param?: 'input' | 'model' | 'response_format' | 'tools' | 'n';
  hint?: string;
  retryAfter?: number;
}

const rules: readonly Rule[] = [
  // The gateway sent its own key, so the client cannot fix this.
  { statuses: [401, 403], status: 500, code: 'worker_failed' },
  {
    // llama-server, its embeddings and its older builds; vLLM; the builtin engine; text-embeddings-inference.
    says: /exceed_context_size_error|context_length_exceeded|exceeds the available context size|context size has been exceeded|too large to process|too big compared to KV|maximum context length|longer than the maximum model length|max_model_len|is too long for the model|must have less than \d+ tokens/i,
    status: 400,
    code: 'context_length_exceeded',
    param: 'input',
    hint: 'send less, or use a worker with a larger context',
  },
  {
    says: /(image|audio|video) input is not supported|not a multimodal model|does not support (image|audio|video|multimodal)|at most 0 (image|audio|video)|accepts only text/i,
    status: 400,
    code: 'unsupported_value',
    param: 'input',
    hint: 'send text only, or use a model that takes such input',
  },
  {
    says: /failed to (load|decode|download|fetch|open|process) (the )?(image|audio|video|media|file)|cannot identify image|invalid (image|audio|base64)|incorrect padding|invalid uri|invalid url/i,
    status: 400,
    code: 'invalid_value',
    param: 'input',
  },
  {
    says: /json schema conversion failed|invalid_json_schema|error resolving ref|unrecognized schema/i,
    status: 400,
    code: 'invalid_json_schema',
    param: 'response_format',
  },
  {
    says: /(failed to (parse|compile|initialize)|invalid|cannot use both json_schema and|either \W*json_schema\W* or).{0,20}grammar|failed to initialize samplers|structured output.{0,40}(not supported|invalid)/i,
    status: 400,
    code: 'invalid_grammar',
  },
  {
    says: /param requires --jinja|tool choice requires|--enable-auto-tool-choice/i,
    status: 400,
    code: 'unsupported_parameter',
    param: 'tools',
    hint: 'send no tools, or use a worker that can call them',
  },
  { says: /only one completion choice/i, status: 400, code: 'unsupported_parameter', param: 'n' },
  { says: /unsupported param:/i, status: 400, code: 'unsupported_parameter' },
  {
    says: /jinja|minja|chat template|roles must alternate|system role not supported/i,
    status: 400,
    code: 'invalid_value',
    param: 'input',
  },
  { says: /json\.exception\.parse_error|json decode error|json_invalid/i, status: 400, code: 'invalid_body' },
  {
    says: /missing_required_parameter|'type': 'missing'|field required|^ *\w* *\w* *["']\w+["'] is required|key ["']\w+["'] not found|must be provided/i,
    status: 400,
    code: 'missing_required_parameter',
  },
  { says: /json\.exception\.(type_error|out_of_range)/i, status: 400, code: 'invalid_value' },
  {
    says: /not_supported_error|does not support (embeddings|reranking|chat|completions|this)|is not supported by this model|NotImplementedError/i,
    status: 400,
    code: 'unsupported_value',
    param: 'model',
    hint: 'use another model, or a worker that was started for this',
  },
  {
    says: /\bmodel_not_found\b|model .{1,200} (does not exist|not found)/i,
    statuses: [404, 400],
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    says: /loading model|model is (still )?loading|\bstopping\b|is starting/i,
    statuses: [503],
    status: 503,
    code: 'worker_not_ready',
    retryAfter: 2,
    hint: 'send the request again in a moment',
  },
  {
    says: /queue_full|queue is full|no slot|overloaded|too many requests/i,
    statuses: [429, 500, 503],
    status: 429,
    code: 'rate_limit_exceeded',
    retryAfter: 1,
    hint: 'send the request again in a moment, or start another worker for this model',
  },
  { statuses: [429], status: 429, code: 'rate_limit_exceeded', retryAfter: 1 },
  {
    says: /out of memory|outofmemory|out_of_memory|failed to allocate|bad_alloc|insufficient memory|not enough memory/i,
    statuses: [500, 503],
    status: 500,
    code: 'out_of_memory',
    hint: 'send less in one request, or start the worker with a smaller context or fewer slots',
  },
  { statuses: [413], status: 413, code: 'body_too_large', hint: 'send less in one request' },
  { statuses: [415], status: 415, code: 'unsupported_content_type' },
  { statuses: [404], status: 404, code: 'not_found' },
  { statuses: [408], status: 408, code: 'body_too_slow' },
  { statuses: [409], status: 409, code: 'conflict' },
];

/** Status, code and field of an error in answer to a request of this kind. */
export const meaningOf = (error: EngineError, kind: ServedKind): Meaning => {
  const text = `${error.type} ${error.code} ${error.message}`;
  const rule = rules.find(
    ({ says, statuses }) => (statuses?.includes(error.status) ?? true) && (says?.test(text) ?? true),
  );
  const { status, code, param, hint, retryAfter } = rule ?? otherwise(error);
  return {
    status,
    // An engine's own code is more exact.
    code: isWord(error.code) && !general.has(error.code) ? error.code : code,
    param: paramOf(error, param, kind),
    ...(hint !== undefined && { hint }),
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(retryAfter !== undefined && { retryAfter }),
  };
};

const otherwise = ({ status }: EngineError): Rule => {
  if (status < 500) return { status: status === 422 ? 400 : status, code: 'invalid_value' };
  return { status: status <= 504 && status !== 501 ? status : 500, code: 'worker_failed' };
};

const isWord = (code: string): boolean => /^[a-z][a-z0-9_]{2,60}$/.test(code);
/** Codes of `@rbee/worker-server` that are less exact than those of the rules. */
const general = new Set([
  'invalid_value',
  'invalid_request',
  'invalid_api_key',
  'unsupported_media_type',
  'queue_full',
  'stopping',
]);

const paramOf = (error: EngineError, param: Rule['param'], kind: ServedKind): string | null => {
  // vLLM's name for a count, not a field of the request.
  const own = error.param === 'input_tokens' ? null : error.param;
  return own ?? (param === 'input' ? inputs[kind] : param) ?? namedIn(error.message);
};

/** The field that holds the input. */
const inputs: Readonly<Partial<Record<ServedKind, string>>> = {
  chat: 'messages',
  completion: 'prompt',
  embedding: 'input',
  rerank: 'documents',
  transcription: 'file',
  translation: 'file',
  speech: 'input',
  image: 'prompt',
};

const fields = new Set(
  (
    'messages prompt input model documents query file image images voice language tools tool_choice functions ' +
    'response_format json_schema grammar stop temperature top_p top_k min_p max_tokens max_completion_tokens n seed ' +
    'logprobs top_logprobs logit_bias echo suffix stream stream_options frequency_penalty presence_penalty ' +
    'chat_template_kwargs encoding_format dimensions'
  ).split(' '),
);

/** A known field in quotes, or after "param:" at the end of the message. */
const namedIn = (message: string): string | null => {
  for (const [, quoted, last] of message.matchAll(/["'`]([a-z_]+)["'`]|param: ([a-z_]+)$/g)) {
    const name = quoted ?? last ?? '';
    if (name === 'content') return 'messages';
    if (fields.has(name)) return name;
  }
  return null;
};
