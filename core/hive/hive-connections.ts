/** HTTP requests to a hive, each on its own connection; streams of narration, logs and heartbeats keep theirs open. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { BadInput } from '../boundary/bad-input.ts';
import { RbeeError } from '../contract/errors.ts';
import { headTimeoutMs } from './answer-limits.ts';

/** A socket of this machine, or a function that connects to another machine. */
export type HiveAddress =
  | { socketPath: string }
  /** `token` is what the hive requires at that port, if anything. */
  | { dial: () => Promise<Duplex>; token?: () => string | undefined };

export interface HiveRequest {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

export class HiveConnections {
  readonly #hive: string;
  readonly #address: HiveAddress;
  readonly #open = new Set<ClientRequest>();

  constructor(hive: string, address: HiveAddress) {
    this.#hive = hive;
    this.#address = address;
  }

  /** Resolves with the head of the answer. Throws BadInput when none arrives, and the system's error. */
  send({ body, headers, ...request }: HiveRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = httpRequest({
        ...dialed(this.#address),
        ...request,
        headers: { ...credentials(this.#address), ...headers },
      });
      this.#open.add(call);
      // Restarted when the request gets its socket: the time until then does not count against the hive.
      const timer = setTimeout(() => call.destroy(new BadInput(noAnswer)), headTimeoutMs).unref();
      call.on('socket', () => timer.refresh());
      call.on('response', (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      call.on('upgrade', (_response, socket) => {
        socket.destroy();
        reject(new BadInput('it switched to another protocol'));
      });
      call.on('error', reject);
      call.on('close', () => {
        clearTimeout(timer);
        this.#open.delete(call);
        // Node ends some requests without an error, and a promise that never settles would keep the hive offline
        // forever.
        reject(new Error('the connection was closed before it answered'));
      });
      call.end(body);
    });
  }

  /** Turns connection errors into HIVE_UNREACHABLE; returns errors of the catalogue unchanged. */
  unreachable(error: unknown, signal: AbortSignal | undefined): unknown {
    if (error instanceof RbeeError) return error;
    if (signal?.aborted) return signal.reason;
    const { code, message } = error as NodeJS.ErrnoException;
    const problem = problems[code ?? ''] ?? message;
    return RbeeError.of('HIVE_UNREACHABLE', { hive: this.#hive, problem }, { cause: error });
  }

  close(): void {
    for (const call of this.#open) call.destroy();
  }
}

const noAnswer = `it did not answer within ${headTimeoutMs / 1_000} s`;

const credentials = (address: HiveAddress): Record<string, string> => {
  const token = 'token' in address ? address.token?.() : undefined;
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
};

const dialed = (address: HiveAddress): RequestOptions => {
  if ('socketPath' in address) return { ...address, agent: false };
  return {
    createConnection: (_options, connected) => {
      address.dial().then(
        (socket) => connected(null, socket),
        (error) => connected(error, null as never),
      );
      return undefined;
    },
  };
};

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'it is not running',
  ECONNREFUSED: 'it is not running',
  ECONNRESET: 'the connection broke off',
};
