#!/usr/bin/env node
/**
 * A stand-in for llama-server: it imitates the command line, log, endpoints, exit codes and signal handling, and gives the
 * answers of our demo models. It runs as a real process, with Node 22.18 or later.
 *
 * `STAND_IN_LOAD_MS` (20) makes loading slow, `STAND_IN_TOKEN_MS` (1) each token; `STAND_IN_DEVICES` holds lines for
 * `--list-devices`, such as `CUDA0: NVIDIA GeForce RTX 4090 (24077 MiB, 23000 MiB free)`; `STAND_IN_BUILD` says which flags
 * it has: `old`, `between` or `new`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  helpOf,
  Refused,
  readStandInArguments,
  type StandInArguments,
  type StandInBuild,
} from './stand-in-arguments.ts';
import { chatMl, countTokens, loadStandInModel, type StandInModel } from './stand-in-model.ts';

const loadMs = Number(process.env['STAND_IN_LOAD_MS'] ?? 20);
const tokenMs = Number(process.env['STAND_IN_TOKEN_MS'] ?? 1);
const build = (process.env['STAND_IN_BUILD'] ?? 'between') as StandInBuild;
const devices = (process.env['STAND_IN_DEVICES'] ?? '').split('\n').filter((line) => line !== '');

const log = (level: string, text: string) => process.stderr.write(`0.00.001.000 ${level} srv  ${text}\n`);

const readOrEnd = (): StandInArguments => {
  try {
    const names = devices.map((line) => line.split(':')[0] as string);
    return readStandInArguments(process.argv.slice(2), process.env, names, build);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
};

const options = readOrEnd();
let model: StandInModel | undefined;
let stopping = false;
let running = 0;
const queue: (() => void)[] = [];

const fail = (response: ServerResponse, status: number, type: string, message: string, more = {}) =>
  json(response, { error: { code: status, message, type, ...more } }, status);

const json = (response: ServerResponse, body: object, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
};

const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const path = request.url?.split('?')[0];
  if (model === undefined) return fail(response, 503, 'unavailable_error', 'Loading model');
  if (path === '/health' || path === '/v1/health') return json(response, { status: 'ok' });
  if (options.apiKey && request.headers.authorization !== `Bearer ${options.apiKey}`) {
    return fail(response, 401, 'authentication_error', 'Invalid API Key');
  }
  if (path === '/v1/models') return json(response, modelList());
  if (path === '/metrics') return metrics(response);
  if (request.method !== 'POST') return fail(response, 404, 'not_found_error', 'File Not Found');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return fail(response, 500, 'server_error', '[json.exception.parse_error.101] parse error at line 1, column 1');
  }
  if (path === '/v1/chat/completions') return chat(body, response);
  if (path === '/v1/completions' && body['prompt'] === undefined) {
    return fail(response, 500, 'server_error', "[json.exception.out_of_range.403] key 'prompt' not found");
  }
  if (path === '/v1/completions') return complete(String(body['prompt']), body, response, 'text_completion');
  if (path !== undefined && Object.hasOwn(others, path)) {
    const answered = others[path]?.(body) ?? {};
    return json(response, answered, 'error' in answered ? 501 : 200);
  }
  if (path === '/v1/embeddings') {
    const message = 'This server does not support embeddings. Start it with `--embeddings`';
    return fail(response, 501, 'not_supported_error', message);
  }
  return fail(response, 404, 'not_found_error', 'File Not Found');
};

type Body = Record<string, unknown>;

const modelName = () => options.aliases[0] ?? options.model;
const said = () => [...(model as StandInModel).answer()].join('');
const notSupported = (message: string) => ({ error: { code: 501, message, type: 'not_supported_error' } });

/** llama-server's other paths, each in its own format, without streaming. */
const others: Record<string, (body: Body) => object> = {
  '/v1/responses': () => ({
    id: 'resp_stand-in',
    object: 'response',
    status: 'completed',
    model: modelName(),
    output: [
      {
        type: 'message',
        role: 'assistant',
        content: [{ type: 'output_text', text: said(), annotations: [] }],
      },
    ],
  }),
  '/v1/messages': () => ({
    id: 'msg_stand-in',
    type: 'message',
    role: 'assistant',
    model: modelName(),
    content: [{ type: 'text', text: said() }],
    stop_reason: 'end_turn',
  }),
  '/v1/messages/count_tokens': ({ messages }) => ({ input_tokens: countTokens(JSON.stringify(messages)) }),
  '/v1/rerank': ({ query, documents = [] }) => {
    if (!options.rerank) return notSupported('This server does not support reranking. Start it with `--reranking`');
    const results = (documents as string[]).map((text, index) => ({
      index,
      relevance_score: text.includes(String(query)) ? 1 : 0,
    }));
    return { model: modelName(), object: 'list', results };
  },
  '/tokenize': ({ content }) => ({ tokens: [...String(content)].map((letter) => letter.codePointAt(0)) }),
  '/detokenize': ({ tokens }) => ({ content: String.fromCodePoint(...(tokens as number[])) }),
  '/infill': () => ({ content: said(), stop: true }),
};

const modelList = () => {
  const id = options.aliases[0] ?? options.model;
  return {
    object: 'list',
    data: [{ id, aliases: options.aliases, object: 'model', created: 0, owned_by: 'llamacpp' }],
  };
};

const metrics = (response: ServerResponse) => {
  if (!options.metrics) {
    const message = 'This server does not support metrics endpoint. Start it with `--metrics`';
    return fail(response, 501, 'not_supported_error', message);
  }
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
  response.end(`llamacpp:requests_processing ${running}\nllamacpp:requests_deferred ${queue.length}\n`);
};

const chat = (body: Record<string, unknown>, response: ServerResponse) => {
  const { messages } = body;
  if (messages === undefined) return fail(response, 400, 'invalid_request_error', "'messages' is required");
  if (!Array.isArray(messages))
    return fail(response, 400, 'invalid_request_error', "Expected 'messages' to be an array");
  for (const { content } of messages) {
    if (content === null || typeof content === 'string') continue;
    if (!Array.isArray(content)) {
      return fail(response, 400, 'invalid_request_error', "Expected 'content' to be a string or an array");
    }
    if (content.some(({ type }) => type === 'image_url')) {
      const hint = 'if this is unexpected, you may need to provide the mmproj';
      return fail(response, 500, 'server_error', `image input is not supported - hint: ${hint}`);
    }
  }
  return complete(chatMl(messages), body, response, 'chat.completion');
};

const complete = async (prompt: string, body: Record<string, unknown>, response: ServerResponse, object: string) => {
  const promptTokens = countTokens(prompt);
  const context = Math.min(options.slotContext, (model as StandInModel).trainContext);
  if (promptTokens >= context) {
    const message = `request (${promptTokens} tokens) exceeds the available context size (${context} tokens), try increasing it`;
    return fail(response, 400, 'exceed_context_size_error', message, { n_prompt_tokens: promptTokens, n_ctx: context });
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (running >= options.slots) await new Promise<void>((enter) => queue.push(enter));
  running += 1;
  try {
    await answer({ promptTokens, context, body, object, signal: gone.signal }, response);
  } finally {
    running -= 1;
    queue.shift()?.();
  }
};

interface Answer {
  promptTokens: number;
  context: number;
  body: Record<string, unknown>;
  object: string;
  signal: AbortSignal;
}

const answer = async ({ promptTokens, context, body, object, signal }: Answer, response: ServerResponse) => {
  const wanted = Number(body['max_tokens'] ?? -1);
  const limit = Math.min(wanted < 0 ? Number.POSITIVE_INFINITY : wanted, context - promptTokens);
  const stops = ([body['stop'] ?? []].flat() as string[]).filter((text) => text !== '');
  const streamed = body['stream'] === true;
  const isChat = object === 'chat.completion';
  const head = {
    id: `${isChat ? 'chatcmpl' : 'cmpl'}-stand-in`,
    created: 0,
    model: options.aliases[0] ?? options.model,
  };
  const event = (more: object) =>
    response.write(
      `data: ${JSON.stringify({ ...head, object: isChat ? 'chat.completion.chunk' : object, ...more })}\n\n`,
    );
  if (streamed) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (isChat) event({ choices: [{ index: 0, delta: { role: 'assistant', content: null }, finish_reason: null }] });
  }
  let text = '';
  let completionTokens = 0;
  let reason = 'stop';
  for (const piece of (model as StandInModel).answer()) {
    await sleep(tokenMs);
    if (signal.aborted) return;
    if (stopping) return hang(streamed, signal, response);
    completionTokens += 1;
    const stop = stops.map((one) => (text + piece).indexOf(one)).find((place) => place >= 0);
    const shown = stop === undefined ? piece : (text + piece).slice(text.length, stop);
    text = (text + shown).slice(0, stop);
    if (streamed && shown !== '') {
      event({
        choices: [{ index: 0, ...(isChat ? { delta: { content: shown } } : { text: shown }), finish_reason: null }],
      });
    }
    if (stop !== undefined) break;
    reason = completionTokens >= limit ? 'length' : 'stop';
    if (reason === 'length') break;
  }
  // The end token counts as well.
  if (reason === 'stop' && stops.length === 0) completionTokens += 1;
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
  if (!streamed) {
    const said = isChat ? { message: { role: 'assistant', content: text } } : { text };
    return json(response, { ...head, object, choices: [{ index: 0, ...said, finish_reason: reason }], usage });
  }
  event({ choices: [{ index: 0, ...(isChat ? { delta: {} } : { text: '' }), finish_reason: reason }] });
  const asked = (body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage === true;
  if (asked) event({ choices: [], usage });
  response.end('data: [DONE]\n\n');
};

/** After SIGTERM, a stream ends at its next ping; an unstreamed answer continues while its client waits. */
const hang = async (streamed: boolean, signal: AbortSignal, response: ServerResponse) => {
  const left = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await (streamed ? Promise.race([sleep(options.pingMs), left]) : left);
  response.destroy();
};

const stop = () => {
  if (stopping) {
    process.stderr.write('Received second interrupt, terminating immediately.\n');
    process.exit(1);
  }
  stopping = true;
  log('I', 'operator(): operator(): cleaning up before exit...');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
};

const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy());
});

const start = async (path: string) => {
  try {
    log('I', `   load_model: loading model '${path}' (${options.loadMode})`);
    await sleep(loadMs);
    model = loadStandInModel(path);
  } catch (error) {
    log('E', (error as Error).message);
    log('E', `   load_model: failed to load model, '${path}'`);
    log('E', 'llama_server: exiting due to model loading error');
    process.exit(1);
  }
  // Installed only now: like the real server, it dies of a SIGTERM while it loads.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  log('I', 'llama_server: model loaded');
  log('I', `llama_server: listening on http://${options.host}:${options.port}`);
};

if (options.help) {
  process.stdout.write(helpOf(build));
} else if (options.version) {
  const number = { old: 9000, between: 10_500, new: 10_900 }[build];
  process.stderr.write(`version: 0.4.0-stand-in (build ${number}, commit 0000000)\n`);
} else if (options.listDevices) {
  process.stdout.write(
    `Available devices:\n${(devices.length > 0 ? devices : ['(none)']).map((line) => `  ${line}\n`).join('')}`,
  );
} else {
  server.once('error', () => {
    log('E', `        start: couldn't bind HTTP server socket, hostname: ${options.host}, port: ${options.port}`);
    log('E', 'llama_server: exiting due to HTTP server error');
    process.exit(1);
  });
  server.listen(options.port, options.host, () => void start(options.model ?? ''));
}
