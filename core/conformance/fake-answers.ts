/** What the fake engine answers: numbered tokens, whole or streamed, and counters of what it saw. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface FakeAnswerOptions {
  model: string;
  /** Required bearer token; empty for none. */
  apiKey: string;
  /** Milliseconds between two tokens. */
  intervalMs: number;
  /** Stream endlessly if the request has no `max_tokens`. */
  endless: boolean;
  streams: 'whole' | 'half' | 'silent';
  /** More paths that are answered like a chat. */
  paths?: readonly string[];
  /** Path of the metrics, and the names of its two gauges. */
  metrics?: { path: string; running: string; waiting: string };
}

interface Request {
  stream?: boolean;
  max_tokens?: number;
}

const defaultTokens = 8;
const defaultMetrics = { path: '/metrics', running: 'rbee_requests_running', waiting: 'rbee_requests_waiting' };

/** The n-th token, counted from 1. */
const token = (number: number): string => `token${number} `;

export class FakeAnswers {
  readonly #options: FakeAnswerOptions;
  readonly #counters = { requests: 0, cancelled: 0, running: 0 };

  constructor(options: FakeAnswerOptions) {
    this.#options = options;
  }

  answer(path: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { apiKey, model, paths = [], metrics = defaultMetrics } = this.#options;
    if (apiKey !== '' && incoming.headers.authorization !== `Bearer ${apiKey}`) {
      json(outgoing, 401, { error: { message: 'wrong API key', type: 'invalid_request_error' } });
    } else if (path === '/v1/chat/completions' || path === '/v1/completions' || paths.includes(path)) {
      void this.#complete(path, incoming, outgoing);
    } else if (path === '/v1/models') {
      json(outgoing, 200, { object: 'list', data: [{ id: model, object: 'model', owned_by: 'fake' }] });
    } else if (path === '/counters') {
      json(outgoing, 200, this.#counters);
    } else if (path === metrics.path) {
      outgoing.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
      outgoing.end(`${metrics.running} ${this.#counters.running}\n${metrics.waiting} 0\n`);
    } else {
      json(outgoing, 404, { error: { message: `no ${path} here`, type: 'invalid_request_error' } });
    }
  }

  async #complete(path: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = await readJson(incoming);
    if (request === null) return json(outgoing, 400, { error: { message: 'not JSON', type: 'invalid_request_error' } });
    this.#counters.requests += 1;
    this.#counters.running += 1;
    const left = new AbortController();
    outgoing.once('close', () => {
      this.#counters.running -= 1;
      if (!outgoing.writableFinished && !left.signal.aborted) this.#counters.cancelled += 1;
      left.abort();
    });
    const endless = this.#options.endless && request.max_tokens === undefined;
    const tokens = endless ? Number.POSITIVE_INFINITY : (request.max_tokens ?? defaultTokens);
    const shape = path === '/v1/completions' ? 'text' : 'chat';
    await (request.stream
      ? this.#stream(shape, tokens, outgoing, left)
      : this.#whole(shape, tokens, outgoing, left)
    ).catch(() => {
      // The client has left.
    });
  }

  async #whole(shape: Shape, tokens: number, outgoing: ServerResponse, left: AbortController): Promise<void> {
    const most = Math.min(tokens, 1_000_000);
    if (this.#options.intervalMs > 0)
      await delay(this.#options.intervalMs * tokens, undefined, { signal: left.signal });
    const text = Array.from({ length: most }, (_, index) => token(index + 1)).join('');
    const usage = { prompt_tokens: 1, completion_tokens: most, total_tokens: most + 1 };
    const choice = shape === 'chat' ? { message: { role: 'assistant', content: text } } : { text };
    const object = shape === 'chat' ? 'chat.completion' : 'text_completion';
    json(outgoing, 200, { ...this.#head(object), choices: [{ index: 0, ...choice, finish_reason: 'length' }], usage });
  }

  async #stream(shape: Shape, tokens: number, outgoing: ServerResponse, left: AbortController): Promise<void> {
    const { intervalMs, streams } = this.#options;
    const object = shape === 'chat' ? 'chat.completion.chunk' : 'text_completion';
    const send = async (choice: object) => {
      const event = { ...this.#head(object), choices: [{ index: 0, finish_reason: null, ...choice }] };
      if (!outgoing.write(`data: ${JSON.stringify(event)}\n\n`)) await drained(outgoing, left.signal);
    };
    const middle = Math.ceil(Math.min(tokens, defaultTokens) / 2);
    outgoing.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    for (let number = 1; number <= tokens && !left.signal.aborted; number += 1) {
      const text = token(number);
      await send(shape === 'chat' ? { delta: { content: text } } : { text });
      if (number === middle && streams === 'silent') return;
      if (number === middle && streams === 'half') {
        // Cut off by this side, so the client did not leave.
        left.abort();
        outgoing.destroy();
        return;
      }
      await (intervalMs > 0 ? delay(intervalMs, undefined, { signal: left.signal }) : new Promise(setImmediate));
    }
    await send(shape === 'chat' ? { delta: {}, finish_reason: 'length' } : { text: '', finish_reason: 'length' });
    outgoing.end('data: [DONE]\n\n');
  }

  #head(object: string) {
    return { id: `fake-${this.#counters.requests}`, object, created: 0, model: this.#options.model };
  }
}

type Shape = 'chat' | 'text';

const drained = (outgoing: ServerResponse, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    outgoing.once('drain', resolve);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const json = (outgoing: ServerResponse, status: number, body: object): void => {
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(body));
};

const readJson = async (incoming: IncomingMessage): Promise<Request | null> => {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks).toString() || '{}') as Request;
  } catch {
    return null;
  }
};
