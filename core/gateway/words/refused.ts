/** Collects an engine's error answer and rewrites it into the one shape. */
import { brotliDecompressSync, unzipSync } from 'node:zlib';
import type { ResponseHeaders } from '../forward/headers.ts';
import { engineError } from './engine-error.ts';
import { type Answering, reworded } from './reworded.ts';

/** The rest of a larger body is discarded. */
const maxBytes = 64 * 1024;

export class Refused {
  readonly #status: number;
  readonly #headers: ResponseHeaders;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(status: number, headers: ResponseHeaders) {
    this.#status = status;
    this.#headers = headers;
  }

  push(chunk: Buffer): void {
    if (this.#bytes < maxBytes) this.#chunks.push(chunk.subarray(0, maxBytes - this.#bytes));
    this.#bytes += chunk.length;
  }

  answer(answering: Answering): { status: number; headers: ResponseHeaders; body: Buffer } {
    const text = decoded(Buffer.concat(this.#chunks), this.#headers['content-encoding']);
    const { status, error, retryAfter } = reworded(engineError(this.#status, text), answering);
    const body = Buffer.from(JSON.stringify({ error }));
    const { 'content-encoding': _coding, 'retry-after': later, ...kept } = this.#headers;
    const headers: ResponseHeaders = {
      ...kept,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(body.length),
    };
    if (retryAfter !== undefined) headers['retry-after'] = later ?? String(retryAfter);
    return { status, headers, body };
  }
}

/** Empty if it cannot be decoded. */
const decoded = (body: Buffer, coding: string | string[] | undefined): string => {
  if (coding === undefined) return body.toString('utf8');
  try {
    const options = { maxOutputLength: maxBytes };
    return (coding === 'br' ? brotliDecompressSync(body, options) : unzipSync(body, options)).toString('utf8');
  } catch {
    return '';
  }
};
