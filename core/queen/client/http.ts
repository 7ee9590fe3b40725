/** One HTTP request to a queen; failures become errors of the catalogue. */
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { createRequire } from 'node:module';
import { pipeline, Readable } from 'node:stream';
import { checkSocket } from '../../config/private-places.ts';
import { catalogueError } from '../../contract/api/application-code.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { isRemote, type QueenAddress, type RemoteQueen } from './address.ts';

export interface QueenRequest {
  method?: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. A stream is sent unchanged, with its type in `headers`. */
  body?: unknown;
  signal?: AbortSignal;
  /** Timeout in milliseconds for the response headers; 30,000 by default. */
  timeoutMs?: number;
}

/** Sends a request and returns the whole JSON response. Throws the queen's error, or QUEEN_NOT_RUNNING. */
export const requestJson = async <Answer>(address: QueenAddress, options: QueenRequest): Promise<Answer> => {
  const response = await openStream(address, options);
  const text = await readText(response, address);
  if (text === '') return undefined as Answer;
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    throw RbeeError.of(
      'INTERNAL',
      { part: 'the queen', problem: 'its answer is not JSON', log: 'rbee queen logs' },
      { cause },
    );
  }
};

/** Sends a request and returns the response after its headers. Throws for status 400 or more. */
export const openStream = async (address: QueenAddress, options: QueenRequest): Promise<IncomingMessage> => {
  const response = await send(address, options);
  if ((response.statusCode ?? 500) < 400) return response;
  const text = await readText(response, address);
  throw errorFrom(text, response.statusCode ?? 500, address);
};

const send = (address: QueenAddress, options: QueenRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const stream = options.body instanceof Readable ? options.body : undefined;
    const body = options.body === undefined || stream ? undefined : Buffer.from(JSON.stringify(options.body));
    const length = body ? { 'content-type': 'application/json', 'content-length': body.length } : {};
    const timeoutMs = options.timeoutMs ?? 30_000;
    const target = targetOf(address);
    const outgoing = target.send({
      ...target.options,
      method: options.method ?? 'GET',
      path: options.path,
      headers: { ...target.headers, ...length, ...options.headers },
      signal: options.signal,
      // A command makes few requests, and an idle connection must not keep it alive.
      agent: false,
    } as RequestOptions);
    const timer = setTimeout(() => outgoing.destroy(timedOut(timeoutMs)), timeoutMs);
    outgoing.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    outgoing.once('error', (error) => {
      clearTimeout(timer);
      reject(connectionError(error, options.signal, address));
    });
    // Node ends some requests without an error, so the caller would wait forever.
    outgoing.once('close', () => {
      clearTimeout(timer);
      reject(
        connectionError(
          Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }),
          undefined,
          address,
        ),
      );
    });
    if (!stream) outgoing.end(body);
    // The response may arrive before the whole body was sent; then it counts.
    else pipeline(stream, outgoing, () => {});
  });

interface Target {
  send: typeof request;
  options: RequestOptions;
  headers: Record<string, string>;
}

const targetOf = (address: QueenAddress): Target => {
  if (isRemote(address)) return remoteTarget(address);
  const { socketPath } = address;
  // Checked before the first byte: no operation or passphrase may reach another user's process.
  checkSocket(socketPath);
  // Without a server name, Node compiles no pattern for IPv6 addresses, which saves 4 ms per command.
  const options = { socketPath, servername: '' } as RequestOptions;
  return { send: request, options, headers: { host: 'queen' } };
};

const remoteTarget = ({ url, key }: RemoteQueen): Target => {
  const { protocol, hostname, port } = new URL(url);
  const options = { hostname: hostname.replace(/^\[|\]$/g, ''), ...(port !== '' && { port }) };
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return { send: protocol === 'https:' ? secure().request : request, options, headers };
};

/** TLS takes long to load, and most commands talk to a socket. */
const secure = (): { request: typeof request } => createRequire(import.meta.url)('node:https');

const timedOut = (timeoutMs: number): RbeeError =>
  RbeeError.of('TIMEOUT', {
    what: 'the answer of the queen',
    limit: `${timeoutMs / 1000} s`,
    hint: 'see, on its machine: rbee queen logs',
  });

/** Turns a connection error into an error of the catalogue. */
export const connectionError = (error: unknown, signal?: AbortSignal, address?: QueenAddress): RbeeError => {
  if (error instanceof RbeeError) return error;
  if (signal?.aborted) return RbeeError.of('CANCELLED', { what: 'the request' }, { cause: error });
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (address && isRemote(address)) return unreachable(address, error);
  if (code === 'EACCES' || code === 'EPERM') {
    return RbeeError.of('PERMISSION_DENIED', { action: 'talk to', name: 'the queen' }, { cause: error });
  }
  // Also reset and broken pipe: the queen ended during the request.
  if (typeof code === 'string' && /^(ENOENT|ECONNREFUSED|ECONNRESET|EPIPE|ENOTSOCK)$/.test(code)) {
    return RbeeError.of('QUEEN_NOT_RUNNING', {}, { cause: error });
  }
  return asRbeeError(error, 'the connection to the queen', 'rbee queen logs');
};

const unreachable = ({ url }: RemoteQueen, error: unknown): RbeeError => {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [problem, hint] = /CERT|SIGNED|SIGNATURE|TLS|SSL|ISSUER/.test(code)
    ? [
        `its certificate is not accepted (${message.replace(/; if the root CA is installed locally.*/, '')})`,
        'name the file of its certificate authority in NODE_EXTRA_CA_CERTS, or use a name that is in the certificate',
      ]
    : [reasons[code] ?? message, hintFor(code, url)];
  return RbeeError.of('QUEEN_UNREACHABLE', { url, problem, hint }, { cause: error });
};

const hintFor = (code: string, url: string): string =>
  code === 'ECONNRESET' && url.startsWith('http:')
    ? 'if the queen speaks TLS on that port, write https:// in RBEE_QUEEN; otherwise, see there: rbee queen logs'
    : 'check RBEE_QUEEN, and "listen" under [gateway] in the rbee.conf of that machine';

const reasons: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no machine of that name',
  EAI_AGAIN: 'its name cannot be resolved now',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it did not answer in time',
  ECONNRESET: 'it closed the connection',
  EPROTO: 'it does not speak TLS there',
};

const readText = async (response: IncomingMessage, address: QueenAddress): Promise<string> => {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const piece of response) text += piece;
  } catch (error) {
    throw connectionError(error, undefined, address);
  }
  return text;
};

const errorFrom = (text: string, status: number, address: QueenAddress): RbeeError => {
  const error = errorOf(text);
  const known = catalogueError(error);
  if (known?.code === 'KEY_REQUIRED' && isRemote(address)) return RbeeError.from({ ...known, hint: missingKeyHint });
  if (known) return RbeeError.from(known);
  const { message: problem = error, hint } = (typeof error === 'object' && error !== null ? error : {}) as Refused;
  if (typeof problem === 'string') return refusal(problem, status, hint);
  return RbeeError.of('INTERNAL', {
    part: 'the queen',
    problem: `it answered with status ${status}`,
    log: 'rbee queen logs',
  });
};

const missingKeyHint =
  'give the command a key in RBEE_KEY (a program: pass "key" to connectQueen); create one on the machine of the queen with: rbee key create NAME --scope operate';

const errorOf = (text: string): unknown => {
  try {
    return (JSON.parse(text) as { error?: unknown } | null)?.error;
  } catch {
    return undefined;
  }
};

interface Refused {
  message?: unknown;
  hint?: string;
}

/** An engine's error in the format of OpenAI's API. */
const refusal = (problem: string, status: number, hint: string | undefined): RbeeError =>
  status < 500
    ? RbeeError.of('INVALID_INPUT', {
        what: 'the request',
        problem,
        hint: hint ?? 'correct the request, and send it again',
      })
    : RbeeError.of('WORKER_FAILED', { worker: 'of this model', problem, hint: hint ?? 'see: rbee worker logs' });
