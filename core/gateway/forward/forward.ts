/** One attempt to pass a request on to a worker, and its answer back: byte for byte, except for errors. */
import type { Duplex, Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { RbeeError } from '../../contract/errors.ts';
import type { HttpMethod, ServedKind } from '../../contract/worker-type/worker-type.ts';
import type { StoredBody } from '../bodies/stored-body.ts';
import { ErrorEvents } from '../words/error-events.ts';
import { Refused } from '../words/refused.ts';
import { speaksOpenAi } from '../words/reworded.ts';
import { headersToClient, headersToWorker, type ResponseHeaders } from './headers.ts';
import { StreamEnd } from './stream-end.ts';

/** A request as received. */
export interface Incoming {
  method: HttpMethod;
  /** Path and query. */
  target: string;
  /** Names and values, alternating. */
  headers: readonly string[];
  body: Buffer | StoredBody | null;
  /** Sent to the worker as `x-request-id`. */
  requestId?: string;
  /** The protocol to switch to, such as `websocket`; such a request has no body. */
  upgrade?: string;
}

/** Receives an answer. After `begin` comes exactly one `end` or `breakOff`. */
export interface Sink {
  /** The head of the answer. Called once the first byte of the body, or its end, has arrived. */
  begin(status: number, headers: ResponseHeaders): void;
  /** Returns false if nothing more should be written until `drained` has been called. */
  write(chunk: Buffer): boolean;
  /** Called once, before the first write. The sink calls `drained` when writing may continue. */
  onDrain(drained: () => void): void;
  end(): void;
  /** The worker broke off before the end. */
  breakOff(error: RbeeError): void;
  /**
   * Called instead of all the others when the worker switches to the requested protocol; from then on the sink passes on
   * what both sides send. Resolves when the connection is over; aborting the signal ends it at once. Never rejects.
   */
  switched?(headers: ResponseHeaders, worker: Duplex, signal: AbortSignal): Promise<void>;
}

export interface Attempt {
  dispatcher: Dispatcher;
  worker: string;
  /** Of the path. */
  kind: ServedKind;
  apiKey: string;
  /** Streams of this path end with OpenAI's end marker. */
  endsWithMarker: boolean;
  /** The answer is read on its way, so the worker must not compress it. */
  isRead?: boolean;
  /** Called when the sink gets its first data: from then on no other worker can be tried. */
  onBegin?: () => void;
}

export type Ended =
  | { kind: 'done' }
  /** Nothing has been sent yet, so it can be retried. `refused`: the worker no longer listens. */
  | { kind: 'untouched'; error: Error; refused: boolean }
  /** The sink knows: its `breakOff` was called. */
  | { kind: 'broken'; error: RbeeError };

/** Aborting the signal cuts the connection to the worker at once; the reason of the abort is the error. */
export const forward = (attempt: Attempt, incoming: Incoming, sink: Sink, signal: AbortSignal): Promise<Ended> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve({ kind: 'untouched', error: asError(signal.reason), refused: false });
    const handler = new Forwarding(attempt, sink, signal, resolve);
    const { method, target: path, upgrade = null } = incoming;
    const headers = headersToWorker(incoming.headers, { ...attempt, requestId: incoming.requestId });
    const body = bodyOf(incoming, headers);
    attempt.dispatcher.dispatch({ method, path, headers, body, upgrade, headersTimeout: 0, bodyTimeout: 0 }, handler);
  });

/** A stored body is read again for each attempt and sent with its length, like a body in memory. */
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
  /** Set if the worker answers with an error. */
  #refused: Refused | undefined;
  /** Set if the worker streams events. */
  #events: ErrorEvents | undefined;

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
    // Kept back until the first byte of the body: until then another worker can be tried.
    if (status < 200) return;
    this.#head = { status, headers };
    const streams = String(headers['content-type'] ?? '').startsWith('text/event-stream');
    if (streams && status === 200 && this.#attempt.endsWithMarker) this.#end = new StreamEnd();
    if (!speaksOpenAi(this.#attempt.kind)) return;
    if (status >= 400) this.#refused = new Refused(status, headers);
    else if (streams && headers['content-encoding'] === undefined) this.#events = new ErrorEvents(this.#attempt);
  }

  onRequestUpgrade(_controller: Controller, _status: number, headers: ResponseHeaders, worker: Duplex): void {
    this.#release();
    this.#attempt.onBegin?.();
    const { switched } = this.#sink;
    if (switched)
      void switched(headersToClient(headers), worker, this.#signal).then(() => this.#resolve({ kind: 'done' }));
    else {
      worker.destroy();
      this.#break(new Error('it switched to a protocol that was not requested'));
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#refused) {
      this.#refused.push(chunk);
      return;
    }
    if (!this.#begun) this.#begin();
    this.#end?.push(chunk);
    if (!this.#write(this.#events ? this.#events.push(chunk) : chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#release();
    if (this.#end && !this.#end.isProper()) {
      this.#break(new Error('the stream ended without its end marker'));
      return;
    }
    if (this.#refused) this.#refuse(this.#refused);
    if (!this.#begun) this.#begin();
    if (this.#events) this.#write(this.#events.end());
    this.#sink.end();
    this.#resolve({ kind: 'done' });
  }

  onResponseError(_controller: Controller, error: Error): void {
    // A worker may refuse a request and close before it has read all of it. The refusal is the answer.
    if (this.#refused && !this.#signal.aborted) {
      this.onResponseEnd();
      return;
    }
    this.#release();
    this.#break(error);
  }

  #begin(): void {
    this.#begun = true;
    this.#attempt.onBegin?.();
    this.#sink.onDrain(() => this.#controller?.resume());
    this.#sink.begin(this.#head!.status, headersToClient(this.#head!.headers));
  }

  #refuse(refused: Refused): void {
    const { body, ...head } = refused.answer(this.#attempt);
    this.#head = head;
    this.#begin();
    this.#write(body);
  }

  #write(bytes: Buffer): boolean {
    return bytes.length === 0 || this.#sink.write(bytes);
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

  /** Does not wait for a request that has no connection yet: on a broken link that could take long. */
  readonly #abort = (): void => {
    if (this.#controller) this.#controller.abort(this.#signal.reason);
    else this.#break(asError(this.#signal.reason));
  };

  #release(): void {
    this.#signal.removeEventListener('abort', this.#abort);
  }
}

export const brokeOff = (worker: string, error: Error): RbeeError =>
  RbeeError.of('WORKER_CONNECTION_LOST', { worker, problem: error.message }, { cause: error });

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
