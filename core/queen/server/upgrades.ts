/**
 * Connections that go on with another protocol, WebSockets: routed like any request to a path that a worker type declares,
 * and then passed through as they are.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { isCorePath } from '../gateway/core-paths.ts';
import type { Gateway, WorkerSink } from '../gateway/gateway.ts';
import type { ResponseHeaders } from '../gateway/headers.ts';
import { modelName } from '../gateway/model-name.ts';
import { applicationError, notFound, pathOf } from './errors.ts';
import { requestedModel } from './requested-model.ts';
import { workerHeader } from './response-sink.ts';

export interface UpgradeParts {
  fleet: Fleet;
  gateway: Gateway;
  logger: FastifyBaseLogger;
  /** Why a request must not be answered. */
  refusal?: (request: IncomingMessage) => RbeeError | undefined;
}

/** Once one side has ended, the other may be silent for so long. */
const halfOpenMs = 30_000;

export class Upgrades {
  readonly #parts: UpgradeParts;
  readonly #closing = new AbortController();

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
  }

  /** Whether the request is one of these; any other is answered as if it wanted no other protocol. An option of Node's server. */
  readonly takes = (request: IncomingMessage): boolean => {
    const path = pathOf(request.url ?? '');
    const { gateway, refusal } = this.#parts;
    return (
      request.method === 'GET' &&
      isWebSocket(request) &&
      !this.#closing.signal.aborted &&
      !isCorePath(path) &&
      gateway.names.methodsOf(path).includes('GET') &&
      refusal?.(request) === undefined
    );
  };

  /** Takes over what `takes` lets through; all of it ends when the server is to close. */
  attach(app: FastifyInstance): void {
    app.server.on('upgrade', (request, socket, head) => void this.#pass(request, socket as Socket, head));
    app.addHook('preClose', async () => {
      this.#closing.abort(RbeeError.of('CANCELLED', { what: 'the connection' }));
    });
  }

  async #pass(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { fleet, gateway, logger } = this.#parts;
    // Whoever reads or writes hears of it as well.
    socket.on('error', () => {});
    if (head.length > 0) socket.unshift(head);
    const left = new AbortController();
    const leave = () => left.abort();
    socket.once('close', leave);
    this.#closing.signal.addEventListener('abort', leave, { once: true });
    const answer = answerOn(request, socket);
    try {
      // A server that does not ask `takes` first brings all that want another protocol.
      if (!this.takes(request)) throw this.#parts.refusal?.(request) ?? notFound(asked(request));
      const { url } = asked(request);
      const path = pathOf(url);
      const named = await modelName({ contentType: undefined, query: url.slice(path.length + 1), body: null });
      const model = requestedModel({ fleet, gateway }, { method: 'GET', url, named });
      const headers = request.rawHeaders;
      const wanted = { method: 'GET', path, target: url, model, headers, body: null, upgrade: 'websocket' } as const;
      const sink = this.#sink(socket, answer, () => socket.off('close', leave));
      await gateway.handle({ ...wanted, signal: left.signal }, sink);
      if (left.signal.aborted) socket.destroy();
    } catch (thrown) {
      const error = asRbeeError(thrown, 'the queen', 'rbee queen logs');
      if (error.code === 'INTERNAL') logger.error(thrown);
      const body = JSON.stringify({ error: applicationError(error) });
      answer().writeHead(error.status, { 'content-type': 'application/json; charset=utf-8' }).end(body);
    } finally {
      this.#closing.signal.removeEventListener('abort', leave);
    }
  }

  #sink(socket: Socket, answer: () => ServerResponse, onSwitched: () => void): WorkerSink {
    let worker = '';
    const named = (headers: ResponseHeaders) => ({ ...headers, [workerHeader]: worker }) as OutgoingHttpHeaders;
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
        // From here on both sides end as they are told to, and what has been sent before arrives.
        onSwitched();
        socket.write(switching(named(headers)));
        await join(socket, other, AbortSignal.any([signal, this.#closing.signal]));
      },
    };
  }
}

const asked = ({ method = 'GET', url = '/' }: IncomingMessage) => ({ method, url });

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.trim().toLowerCase() === 'websocket';

/** An ordinary answer on a connection that its server has let go; made when there is one. */
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

/** Bytes as they come and ends as they come, until both sides have ended; when one breaks off, the other does. */
const join = async (client: Duplex, worker: Duplex, signal: AbortSignal): Promise<void> => {
  worker.allowHalfOpen = true;
  for (const [one, other] of [
    [client, worker],
    [worker, client],
  ] as [Duplex, Duplex][]) {
    one.once('end', () => isSocket(other) && other.setTimeout(halfOpenMs, () => other.destroy()));
  }
  await pipeline(client, worker, client, { signal }).catch(() => {});
  client.destroy();
  worker.destroy();
};

const isSocket = (stream: Duplex): stream is Socket => 'setTimeout' in stream;
