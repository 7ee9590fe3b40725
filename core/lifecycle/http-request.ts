/** A small HTTP request to a daemon or worker: its own connection, a limit on time and size, nothing kept open. */
import type { IncomingMessage } from 'node:http';

export interface HttpRequest {
  url: string;
  /** Unix socket to dial instead of the URL's host. */
  socketPath?: string;
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Milliseconds for the whole exchange; 5,000 when absent. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  /** At most the first 64 KiB. */
  body: string;
}

const mostBytes = 64 * 1024;

/** Rejects with the system's error, or an AbortError or TimeoutError. Any status is an answer. */
export const httpRequest = async (request: HttpRequest): Promise<HttpAnswer> => {
  const { request: send } = await import('node:http');
  const limit = AbortSignal.timeout(request.timeoutMs ?? 5000);
  const signal = request.signal ? AbortSignal.any([limit, request.signal]) : limit;
  signal.throwIfAborted();
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  const headers = {
    ...request.headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return await new Promise<HttpAnswer>((resolve, reject) => {
    const outgoing = send(request.url, {
      method: request.method ?? 'GET',
      headers,
      agent: false,
      socketPath: request.socketPath,
      signal,
    });
    outgoing.once('error', (error) => reject(limit.aborted ? limit.reason : error));
    outgoing.once('response', (incoming) => {
      readBody(incoming).then(
        (text) => {
          resolve({ status: incoming.statusCode ?? 0, body: text });
          outgoing.destroy();
        },
        (error) => reject(limit.aborted ? limit.reason : error),
      );
    });
    outgoing.end(body);
  });
};

const readBody = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= mostBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, mostBytes);
};
