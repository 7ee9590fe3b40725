/** Parameters of OpenAI's API and of other engines that this engine does not support. */
import { invalidRequest } from '@rbee/worker-server';

/**
 * Each field with the values that change nothing. Null, false, 0, and empty texts and lists change nothing either. Any other
 * value is refused, because ignoring it would give a wrong answer.
 */
const neutral: Readonly<Record<string, readonly unknown[]>> = {
  // OpenAI's
  tools: [],
  functions: [],
  logprobs: [],
  top_logprobs: [],
  echo: [],
  suffix: [],
  audio: [],
  prediction: [],
  web_search_options: [],
  best_of: [1],
  // llama-server's
  grammar: [],
  json_schema: [],
  n_probs: [],
  mirostat: [],
  typical_p: [1],
  top_n_sigma: [-1],
  dynatemp_range: [],
  dry_multiplier: [],
  xtc_probability: [],
  ignore_eos: [],
  // vLLM's
  guided_json: [],
  guided_regex: [],
  guided_choice: [],
  guided_grammar: [],
  structured_outputs: [],
  prompt_logprobs: [],
  use_beam_search: [],
  min_tokens: [],
  stop_token_ids: [],
  bad_words: [],
  allowed_token_ids: [],
  length_penalty: [1],
};

export const refuseUnsupported = (body: Readonly<Record<string, unknown>>): void => {
  if ((body['n'] ?? 1) !== 1) {
    throw invalidRequest('the builtin engine gives one answer per request: n must be 1', 'n', 'unsupported_parameter');
  }
  for (const [field, values] of Object.entries(neutral)) {
    const value = body[field];
    if (!value || values.includes(value) || (Array.isArray(value) && value.length === 0)) continue;
    throw invalidRequest(`the builtin engine of llamacpp does not support ${field}`, field, 'unsupported_parameter');
  }
};
