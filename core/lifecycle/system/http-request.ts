/** A small HTTP request to a daemon or worker: its own connection, limited time and size, no keep-alive. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { checkSocket } from '../../config/private-places.ts';

export interface HttpRequest {
  url: string;
  /** Unix socket to connect to instead of the URL's host. */
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

const maxBytes = 64 * 1024;

/** Any status is a valid answer. Rejects with the system's error, an AbortError or a TimeoutError. */
export const httpRequest = (request: HttpRequest): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const { signal, timeoutMs = 5000 } = request;
    if (signal?.aborted) return reject(signal.reason);
    const socket = dial(request);
    const timer = setTimeout(() => settle(() => reject(timedOut(timeoutMs))), timeoutMs);
    const onAbort = () => settle(() => reject(aborted(signal)));
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      how();
      socket.destroy();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const onError = (error: unknown) => settle(() => reject(error));
    socket.once('error', onError);
    // Most readiness probes fail to connect; allocate nothing before that.
    socket.once('connect', () => {
      socket.off('error', onError);
      exchange(request, socket).then((answer) => settle(() => resolve(answer)), onError);
    });
  });

/** Node's modules are loaded on first use, so that commands without a request start faster. */
const dial = ({ url, socketPath }: HttpRequest): Socket => {
  const { connect, isIP } = process.getBuiltinModule('node:net');
  if (socketPath !== undefined) {
    checkSocket(socketPath);
    return connect({ path: socketPath });
  }
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return connect({ host, port: Number(port || 80), ...(isIP(host) ? { autoSelectFamily: false } : {}) });
};

const exchange = (request: HttpRequest, socket: Socket): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const { request: send } = process.getBuiltinModule('node:http');
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const outgoing = send(request.url, {
      method: request.method ?? 'GET',
      headers: {
        ...request.headers,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      createConnection: () => socket,
    });
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      readBody(incoming).then((text) => resolve({ status: incoming.statusCode ?? 0, body: text }), reject);
    });
    outgoing.end(body);
  });

const readBody = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxBytes);
};

const timedOut = (ms: number): DOMException => new DOMException(`timeout: no answer within ${ms} ms`, 'TimeoutError');

/** In the form that Node's own requests use. */
const aborted = (signal: AbortSignal | undefined): Error =>
  Object.assign(new Error('The request was aborted', { cause: signal?.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  });
