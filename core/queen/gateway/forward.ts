/** One attempt to pass a request to a worker and its answer back, byte for byte. */
import type { Duplex, Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { RbeeError } from '../../contract/errors.ts';
import { headersToClient, headersToWorker, type ResponseHeaders } from './headers.ts';
import type { StoredBody } from './stored-body.ts';
import { StreamEnd } from './stream-end.ts';

/** A request as it came in. */
export interface Incoming {
  method: 'GET' | 'POST';
  /** Path and query. */
  target: string;
  /** Names and values in turn. */
  headers: readonly string[];
  body: Buffer | StoredBody | null;
  /** The protocol that the client wants to go on with, such as `websocket`; it has no body then. */
  upgrade?: string;
}

/** Where an answer goes. After `begin` comes exactly one `end` or `breakOff`. */
export interface Sink {
  /** The head of the answer. Called when its first byte of body, or its end, is there. */
  begin(status: number, headers: ResponseHeaders): void;
  /** False when it should be written to no more until `drained` was called. */
  write(chunk: Buffer): boolean;
  /** Called once, before anything is written: what to call when writing may go on. */
  onDrain(drained: () => void): void;
  end(): void;
  /** The worker broke off in the middle. */
  breakOff(error: RbeeError): void;
  /**
   * In place of all the others, when the worker goes on with the protocol that was wanted: what the two sides send each
   * other from now on is theirs. Resolves when it is over; an aborted signal ends it at once. Never rejects.
   */
  switched?(headers: ResponseHeaders, worker: Duplex, signal: AbortSignal): Promise<void>;
}

export interface Attempt {
  dispatcher: Dispatcher;
  worker: string;
  apiKey: string;
  /** A stream of this path ends with OpenAI's end marker. */
  endsWithMarker: boolean;
  /** Called when the sink is given something: from then on it cannot be tried elsewhere. */
  onBegin?: () => void;
}

export type Ended =
  | { kind: 'done' }
  /** Nothing has been sent yet: it can be tried again. `refused`: the worker does not listen any more. */
  | { kind: 'untouched'; error: Error; refused: boolean }
  /** The sink has been told. */
  | { kind: 'broken'; error: RbeeError };

/** Aborting the signal cuts the connection to the worker at once; the reason tells why. */
export const forward = (attempt: Attempt, incoming: Incoming, sink: Sink, signal: AbortSignal): Promise<Ended> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve({ kind: 'untouched', error: asError(signal.reason), refused: false });
    const handler = new Forwarding(attempt, sink, signal, resolve);
    const { method, target: path, upgrade = null } = incoming;
    const headers = headersToWorker(incoming.headers, attempt.apiKey);
    const body = bodyOf(incoming, headers);
    attempt.dispatcher.dispatch({ method, path, headers, body, upgrade, headersTimeout: 0, bodyTimeout: 0 }, handler);
  });

/** One that is stored is read anew for each attempt; its length is told, as it is that of one in memory. */
const bodyOf = ({ body }: Incoming, headers: string[]): Buffer | Readable | null => {
  if (body === null || Buffer.isBuffer(body)) return body;
  headers.push('content-length', String(body.length));
  return body.read();
};

type Controller = Dispatcher.DispatchController;

class Forwarding implements Dispatcher.DispatchHandler {
  readonly #attempt: Attempt;
  readonly #sink: Sink;
  readonly #signal: AbortSignal;
  readonly #resolve: (ended: Ended) => void;
  #controller: Controller | undefined;
  #head: { status: number; headers: ResponseHeaders } | undefined;
  #begun = false;
  #end: StreamEnd | undefined;

  constructor(attempt: Attempt, sink: Sink, signal: AbortSignal, resolve: (ended: Ended) => void) {
    this.#attempt = attempt;
    this.#sink = sink;
    this.#signal = signal;
    this.#resolve = resolve;
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#signal.aborted) controller.abort(this.#signal.reason);
  }

  onResponseStart(_controller: Controller, status: number, headers: ResponseHeaders): void {
    // The head waits for the first byte of the body: until then the request can still be given to another worker.
    if (status < 200) return;
    this.#head = { status, headers };
    const streams = String(headers['content-type'] ?? '').startsWith('text/event-stream');
    if (streams && status === 200 && this.#attempt.endsWithMarker) this.#end = new StreamEnd();
  }

  onRequestUpgrade(_controller: Controller, _status: number, headers: ResponseHeaders, worker: Duplex): void {
    this.#release();
    this.#attempt.onBegin?.();
    const { switched } = this.#sink;
    if (switched)
      void switched(headersToClient(headers), worker, this.#signal).then(() => this.#resolve({ kind: 'done' }));
    else {
      worker.destroy();
      this.#break(new Error('it went on with a protocol that was not wanted'));
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#begun) this.#begin();
    this.#end?.push(chunk);
    if (!this.#sink.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#release();
    if (this.#end && !this.#end.isProper()) {
      this.#break(new Error('the stream ended without its end marker'));
      return;
    }
    if (!this.#begun) this.#begin();
    this.#sink.end();
    this.#resolve({ kind: 'done' });
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#release();
    this.#break(error);
  }

  #begin(): void {
    this.#begun = true;
    this.#attempt.onBegin?.();
    this.#sink.onDrain(() => this.#controller?.resume());
    this.#sink.begin(this.#head!.status, headersToClient(this.#head!.headers));
  }

  #break(error: Error): void {
    if (!this.#begun) {
      this.#resolve({ kind: 'untouched', error, refused: isRefused(error) });
      return;
    }
    const broken = error instanceof RbeeError ? error : brokeOff(this.#attempt.worker, error);
    this.#sink.breakOff(broken);
    this.#resolve({ kind: 'broken', error: broken });
  }

  /** A request that still waits for its connection is not waited for: a link that is down may keep it for long. */
  readonly #abort = (): void => {
    if (this.#controller) this.#controller.abort(this.#signal.reason);
    else this.#break(asError(this.#signal.reason));
  };

  #release(): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }
}

export const brokeOff = (worker: string, error: Error): RbeeError =>
  RbeeError.of('WORKER_BROKE_OFF', { worker, problem: error.message }, { cause: error });

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

const isRefused = (error: Error): boolean => {
  const code = 'code' in error ? error.code : undefined;
  return (
    code === 'ECONNREFUSED' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'UND_ERR_DESTROYED' ||
    code === 'UND_ERR_CLOSED'
  );
};
