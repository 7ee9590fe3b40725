/**
 * WebSockets: routed like any other request to a path that a worker type declares, then passed through byte for byte in both
 * directions.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { notFound } from '../../http/error-answers.ts';
import { requestIdHeader, requestIdOf } from '../../http/request-id.ts';
import { pathOf } from '../../http/request-target.ts';
import { type Caller, grantOf } from '../access/caller.ts';
import type { Use, UseLimits } from '../access/limits.ts';
import type { ResponseHeaders } from '../forward/headers.ts';
import type { Gateway, WorkerSink } from '../gateway.ts';
import { modelName } from '../model-name/model-name.ts';
import { isCorePath } from '../routing/core-paths.ts';
import { applicationError } from '../words/application-error.ts';
import { callerOfUpgrade, type GuardParts } from './guard.ts';
import { requestedModel } from './requested-model.ts';
import { workerHeader } from './response-sink.ts';

export interface UpgradeParts {
  gateway: Gateway;
  logger: FastifyBaseLogger;
  /** Who may ask; absent on the socket of the owner. */
  guard?: GuardParts | undefined;
  /** How much each key may use; a connection counts as one request until it ends. */
  limits?: UseLimits | undefined;
}

interface Upgrading {
  socket: Socket;
  answer: () => ServerResponse;
  requestId: string;
}

/** After one side has ended, the other may be idle for this long. */
const halfOpenTimeoutMs = 30_000;

export class Upgrades {
  readonly #parts: UpgradeParts;
  readonly #closing = new AbortController();

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  /** Whether to treat the request as a WebSocket; all others are answered as plain HTTP. For Node's `shouldUpgradeCallback`. */
  readonly takes = (request: IncomingMessage): boolean => {
    const path = pathOf(request.url ?? '');
    const { gateway } = this.#parts;
    return (
      request.method === 'GET' &&
      isWebSocket(request) &&
      !this.#closing.signal.aborted &&
      !isCorePath(path) &&
      gateway.names.methodsOf(path).includes('GET') &&
      this.#callerOf(request) !== undefined
    );
  };

  /** Undefined if the request is refused: then it is answered as plain HTTP, which says why. */
  #callerOf(request: IncomingMessage): Caller | undefined {
    try {
      return callerOfUpgrade(request, this.#parts.guard);
    } catch {
      return undefined;
    }
  }

  /** Handles the requests that `takes` accepts; ends their connections when the server closes. */
  attach(app: FastifyInstance): void {
    app.server.on('upgrade', (request, socket, head) => void this.#pass(request, socket as Socket, head));
    app.addHook('preClose', async () => {
      this.#closing.abort(RbeeError.of('CANCELLED', { what: 'the connection' }));
    });
  }

  async #pass(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { gateway, logger } = this.#parts;
    // Reads and writes report the error as well; without a listener it would end the process.
    socket.on('error', () => {});
    if (head.length > 0) socket.unshift(head);
    const left = new AbortController();
    const leave = () => left.abort();
    socket.once('close', leave);
    this.#closing.signal.addEventListener('abort', leave, { once: true });
    const answer = answerOn(request, socket);
    let untrack: (() => void) | undefined;
    let use: Use | undefined;
    const requestId = requestIdOf(request);
    try {
      // A server without `takes` as its `shouldUpgradeCallback` sends every upgrade request here.
      if (!this.takes(request)) throw notFound(targetOf(request));
      const caller = callerOfUpgrade(request, this.#parts.guard);
      const grant = grantOf(caller);
      untrack = caller.key && this.#parts.guard?.keys.whenEnded(caller.key, leave);
      const { url } = targetOf(request);
      const path = pathOf(url);
      const named = await modelName({ contentType: undefined, query: url.slice(path.length + 1), body: null });
      const requested = requestedModel(gateway, { method: 'GET', url, named, grant });
      use = await this.#parts.limits?.begin(caller.key);
      const headers = request.rawHeaders;
      const wanted = {
        method: 'GET',
        path,
        target: url,
        headers,
        body: null,
        upgrade: 'websocket',
        requestId,
      } as const;
      const sink = this.#sink({ socket, answer, requestId }, () => socket.off('close', leave));
      const incoming = { ...wanted, ...requested, grant, ...(named !== undefined && { named }) };
      await gateway.handle({ ...incoming, signal: left.signal }, sink);
      if (left.signal.aborted) socket.destroy();
    } catch (thrown) {
      const error = asRbeeError(thrown, 'the queen', 'rbee queen logs');
      if (error.code === 'INTERNAL') logger.error({ err: thrown, requestId }, error.message);
      const body = JSON.stringify({ error: applicationError(error) });
      const head = { 'content-type': 'application/json; charset=utf-8', [requestIdHeader]: requestId };
      if (error.retryAfter !== undefined) answer().setHeader('retry-after', error.retryAfter);
      answer().writeHead(error.status, head).end(body);
    } finally {
      untrack?.();
      use?.end(0);
      this.#closing.signal.removeEventListener('abort', leave);
    }
  }

  #sink({ socket, answer, requestId }: Upgrading, onSwitched: () => void): WorkerSink {
    let worker = '';
    const named = (headers: ResponseHeaders) =>
      ({ ...headers, [workerHeader]: worker, [requestIdHeader]: requestId }) as OutgoingHttpHeaders;
    return {
      from: ({ id }) => {
        worker = id;
      },
      begin: (status, headers) => void answer().writeHead(status, named(headers)),
      write: (chunk) => answer().write(chunk),
      onDrain: (drained) => void answer().on('drain', drained),
      end: () => void answer().end(),
      breakOff: () => void socket.destroy(),
      switched: async (headers, other, signal) => {
        // From now on `join` ends both sides, after everything sent before has arrived.
        onSwitched();
        socket.write(switching(named(headers)));
        await join(socket, other, AbortSignal.any([signal, this.#closing.signal]));
      },
    };
  }
}

const targetOf = ({ method = 'GET', url = '/' }: IncomingMessage) => ({ method, url });

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.trim().toLowerCase() === 'websocket';

/** A plain HTTP response on a connection that the server has released; created when it is first used. */
const answerOn = (request: IncomingMessage, socket: Socket): (() => ServerResponse) => {
  let response: ServerResponse | undefined;
  return () => {
    if (response) return response;
    response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    return response;
  };
};

const switching = (headers: OutgoingHttpHeaders): string => {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${lines.join('')}\r\n`;
};

/** Passes bytes and ends on until both sides have ended; if one side fails, the other is closed. */
const join = async (client: Duplex, worker: Duplex, signal: AbortSignal): Promise<void> => {
  worker.allowHalfOpen = true;
  for (const [one, other] of [
    [client, worker],
    [worker, client],
  ] as [Duplex, Duplex][]) {
    one.once('end', () => isSocket(other) && other.setTimeout(halfOpenTimeoutMs, () => other.destroy()));
  }
  await pipeline(client, worker, client, { signal }).catch(() => {});
  client.destroy();
  worker.destroy();
};

const isSocket = (stream: Duplex): stream is Socket => 'setTimeout' in stream;
