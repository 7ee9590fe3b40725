/** The stand-in's HTTP API. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StandInArguments } from './stand-in-arguments.ts';
import type { StandInConfig } from './stand-in-model.ts';

export interface Served {
  options: StandInArguments;
  config: StandInConfig;
  maxModelLen: number;
  version: string;
  state: { dead: boolean; asleep: boolean };
}

/** Its answer to every prompt, one string per token. */
export const words = ['I', ' am', ' the', ' stand', '-in', ' of', ' vLLM', '.'];

interface Body {
  model?: string;
  prompt?: string;
  messages?: { content: string }[];
  input?: string | string[];
  max_tokens?: number;
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  encoding_format?: string;
}

export const answerer = (served: Served): RequestListener => {
  const counts = { running: 0, requests: 0 };
  const api = new Api(served, counts);
  return (request, response) => void api.handle(request, response).catch(() => response.destroy());
};

class Api {
  readonly #served: Served;
  readonly #counts: { running: number; requests: number };

  constructor(served: Served, counts: { running: number; requests: number }) {
    this.#served = served;
    this.#counts = counts;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { state, version, options } = this.#served;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/health' || pathname === '/ping') {
      response.writeHead(state.dead ? 503 : 200).end();
      return;
    }
    if (pathname === '/version') return json(response, { version });
    if (pathname === '/metrics') return this.#metrics(response);
    const developing = process.env['VLLM_SERVER_DEV_MODE'] === '1' && options.sleepMode;
    if (developing && ['/sleep', '/wake_up', '/is_sleeping'].includes(pathname)) return this.#sleep(pathname, response);
    // Without its weights, the engine fails on the first request.
    if (state.asleep) return fail(response, 500, 'InternalServerError', 'the engine sleeps');
    const key = process.env['VLLM_API_KEY'];
    if (pathname.startsWith('/v1') && key && request.headers.authorization !== `Bearer ${key}`) {
      return json(response, { error: 'Unauthorized' }, 401);
    }
    if (pathname === '/v1/models') return json(response, this.#models());
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    let body: Body;
    try {
      body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Body;
    } catch {
      return fail(response, 400, 'BadRequestError', '1 validation error: JSON decode error');
    }
    const known = [...options.names, ...options.loras];
    if (body.model !== undefined && !known.includes(body.model)) {
      return fail(response, 404, 'NotFoundError', `The model \`${body.model}\` does not exist.`, 'model');
    }
    if (pathname === '/v1/chat/completions') return this.#generate(body, 'chat.completion', response);
    if (pathname === '/v1/completions') return this.#generate(body, 'text_completion', response);
    if (pathname === '/v1/embeddings') return json(response, embeddings(body, options.names[0] ?? ''));
    if (pathname === '/tokenize')
      return json(response, { count: (body.prompt ?? '').length, max_model_len: this.#served.maxModelLen });
    return json(response, { detail: 'Not Found' }, 404);
  }

  #models() {
    const { options, maxModelLen } = this.#served;
    const item = (id: string) => ({
      id,
      object: 'model',
      created: 0,
      owned_by: 'vllm',
      root: options.model,
      parent: null,
      max_model_len: maxModelLen,
    });
    return { object: 'list', data: [...options.names, ...options.loras].map(item) };
  }

  #sleep(path: string, response: ServerResponse): void {
    const { state } = this.#served;
    if (path === '/wake_up' && this.#served.config.stand_in.insomnia) {
      fail(response, 500, 'InternalServerError', 'CUDA out of memory');
      return;
    }
    if (path !== '/is_sleeping') state.asleep = path === '/sleep';
    json(response, { is_sleeping: state.asleep });
  }

  /** Two engines, so that readers must add up the values. */
  #metrics(response: ServerResponse): void {
    const name = this.#served.options.names[0];
    const gauge = (metric: string, values: number[]) =>
      [
        `# TYPE ${metric} gauge`,
        ...values.map((value, engine) => `${metric}{engine="${engine}",model_name="${name}"} ${value.toFixed(2)}`),
      ].join('\n');
    const { running } = this.#counts;
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(
      `${gauge('vllm:num_requests_running', [running, 0])}\n${gauge('vllm:num_requests_waiting', [0, 0])}\n${gauge('vllm:num_requests_waiting_by_reason', [7])}\n${gauge('vllm:kv_cache_usage_perc', [0.25, 0])}\n`,
    );
  }

  async #generate(body: Body, object: string, response: ServerResponse): Promise<void> {
    const prompt = body.prompt ?? (body.messages ?? []).map(({ content }) => content).join('\n');
    const { maxModelLen, config } = this.#served;
    const wanted = body.max_tokens ?? 0;
    if (prompt.length + wanted > maxModelLen) {
      const message = `This model's maximum context length is ${maxModelLen} tokens. However, you requested ${wanted} output tokens and your prompt contains at least ${prompt.length} input tokens, for a total of at least ${prompt.length + wanted} tokens. Please reduce the length of the input prompt or the number of requested output tokens. (parameter=input_tokens, value=${prompt.length})`;
      return fail(response, 400, 'BadRequestError', message, 'input_tokens');
    }
    this.#counts.running += 1;
    try {
      await this.#answer(body, object, prompt.length, config.stand_in.endless === true, response);
    } finally {
      this.#counts.running -= 1;
    }
  }

  async #answer(
    body: Body,
    object: string,
    promptTokens: number,
    endless: boolean,
    response: ServerResponse,
  ): Promise<void> {
    const isChat = object === 'chat.completion';
    const head = {
      id: `${isChat ? 'chatcmpl' : 'cmpl'}-stand-in`,
      created: 0,
      model: body.model ?? this.#served.options.names[0],
    };
    const limit = body.max_tokens ?? Number.POSITIVE_INFINITY;
    const event = (more: object) =>
      response.write(
        `data: ${JSON.stringify({ ...head, object: isChat ? 'chat.completion.chunk' : object, ...more })}\n\n`,
      );
    if (body.stream) response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    let text = '';
    let tokens = 0;
    let gone = false;
    response.once('close', () => {
      gone = true;
    });
    for (; tokens < limit && (endless || tokens < words.length) && !gone; tokens += 1) {
      const word = words[tokens % words.length] as string;
      text += word;
      if (body.stream)
        event({
          choices: [{ index: 0, ...(isChat ? { delta: { content: word } } : { text: word }), finish_reason: null }],
        });
      await sleep(1);
    }
    if (gone) return;
    const finish_reason = tokens >= limit ? 'length' : 'stop';
    const usage = { prompt_tokens: promptTokens, completion_tokens: tokens, total_tokens: promptTokens + tokens };
    if (!body.stream) {
      const said = isChat ? { message: { role: 'assistant', content: text } } : { text };
      return json(response, { ...head, object, choices: [{ index: 0, ...said, finish_reason }], usage });
    }
    event({ choices: [{ index: 0, ...(isChat ? { delta: {} } : { text: '' }), finish_reason }] });
    if (body.stream_options?.include_usage) event({ choices: [], usage });
    response.end('data: [DONE]\n\n');
  }
}

const embeddings = ({ input = '', encoding_format }: Body, model: string) => ({
  object: 'list',
  model,
  data: [input].flat().map((text, index) => {
    const vector = [text.length, 1, 0.5];
    const coded = Buffer.from(Float32Array.from(vector).buffer).toString('base64');
    return { object: 'embedding', index, embedding: encoding_format === 'base64' ? coded : vector };
  }),
  usage: { prompt_tokens: 1, total_tokens: 1 },
});

const json = (response: ServerResponse, body: object, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

const fail = (
  response: ServerResponse,
  code: number,
  type: string,
  message: string,
  param: string | null = null,
): void => json(response, { error: { message, type, param, code } }, code);
