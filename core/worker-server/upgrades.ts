/** Connections that switch protocols: forwarded to the address of their route. */
import { request as httpRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { ApiError, asApiError } from './errors.ts';
import type { Route, UpgradeTarget } from './options.ts';
import { requestIdHeader, requestIdOf } from './request-id.ts';

export interface UpgradeDoor<Loaded> {
  routes: readonly Route<Loaded>[];
  /** Throws the error to answer the request with. */
  admit(authorization: string | undefined): void;
  loaded(): Loaded;
}

export interface Upgrades {
  /** Whether a request switches protocols. An option of Node's server. */
  takes(request: IncomingMessage): boolean;
  /** A listener of Node's server. */
  pass(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Cuts all of them. */
  close(): void;
}

/** Milliseconds that one side may be silent after the other has ended. */
const halfOpenMs = 30_000;

export const createUpgrades = <Loaded>({ routes, admit, loaded }: UpgradeDoor<Loaded>): Upgrades => {
  const cut = new AbortController();
  const routeOf = ({ url = '/' }: IncomingMessage) => {
    const path = url.split('?', 1)[0] ?? '';
    return routes.find(({ method, path: declared, upgrade }) => {
      if (method !== 'GET' || !upgrade) return false;
      return declared === path || (declared.endsWith('/*') && path.startsWith(declared.slice(0, -1)));
    });
  };
  const takes = (request: IncomingMessage): boolean =>
    request.method === 'GET' &&
    request.headers.upgrade?.trim().toLowerCase() === 'websocket' &&
    !cut.signal.aborted &&
    routeOf(request) !== undefined;
  const pass = async (request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> => {
    socket.on('error', () => {});
    if (head.length > 0) socket.unshift(head);
    try {
      admit(request.headers.authorization);
      const { url = '/', headers } = request;
      const target = takes(request) ? routeOf(request)?.upgrade?.({ url, headers }, loaded()) : undefined;
      if (target === undefined) throw new ApiError(404, 'invalid_request_error', `there is nothing at GET ${url}`);
      await tunnel(target, request, socket, cut.signal);
    } catch (thrown) {
      const error = asApiError(thrown);
      const body = JSON.stringify(error);
      answerOn(request, socket)
        .writeHead(error.status, {
          'content-type': 'application/json; charset=utf-8',
          [requestIdHeader]: requestIdOf(request),
        })
        .end(body);
    }
  };
  return {
    takes,
    pass: (request, socket, head) => void pass(request, socket, head),
    close: () => cut.abort(),
  };
};

/** Resolves when the connection has ended or was answered without a switch. Throws only before anything was sent. */
const tunnel = (target: UpgradeTarget, request: IncomingMessage, socket: Socket, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const upgrade = request.headers.upgrade ?? '';
    const headers = { ...target.headers, connection: 'Upgrade', upgrade } as Record<string, string | string[]>;
    const call = httpRequest(target.url, { headers, signal, agent: false });
    const leave = () => call.destroy();
    socket.once('close', leave);
    call.on('error', (cause) => {
      reject(new ApiError(502, 'server_error', `the engine does not answer: ${cause.message}`, { cause }));
    });
    call.once('response', (incoming) => {
      const answer = answerOn(request, socket);
      const { connection: _connection, 'keep-alive': _idle, 'transfer-encoding': _form, ...more } = incoming.headers;
      answer.writeHead(incoming.statusCode ?? 502, more);
      pipeline(incoming, answer).then(resolve, () => resolve(void socket.destroy()));
    });
    call.once('upgrade', (incoming, engine, head) => {
      socket.off('close', leave);
      if (head.length > 0) engine.unshift(head);
      const { statusMessage = '', rawHeaders } = incoming;
      const lines = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
      socket.write(`HTTP/1.1 101 ${statusMessage}\r\n${lines}\r\n`);
      void join(socket, engine as Socket, signal).then(resolve);
    });
    call.end();
  });

/** Forwards bytes and ends in both directions until both sides have ended. If one side breaks off, so does the other. */
const join = async (client: Socket, engine: Socket, signal: AbortSignal): Promise<void> => {
  engine.allowHalfOpen = true;
  client.once('end', () => engine.setTimeout(halfOpenMs, () => engine.destroy()));
  engine.once('end', () => client.setTimeout(halfOpenMs, () => client.destroy()));
  await pipeline(client, engine, client, { signal }).catch(() => {});
  client.destroy();
  engine.destroy();
};

/** An ordinary answer on a connection that was detached from its server. */
const answerOn = (request: IncomingMessage, socket: Socket): ServerResponse => {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  return response;
};
