/** What a worker's program passes to the server, and what its handlers get. */
import type { Readable } from 'node:stream';
import type { ErrorBody } from './errors.ts';

export interface WorkerServerOptions<Loaded> {
  /** Name of the program, at the beginning of each log line. */
  name: string;
  /** Address and port to listen on; port 0 takes a free one. */
  host: string;
  port: number;
  /** Names under which the model is served; answers contain the first. */
  models: readonly string[];
  /** Maximum number of requests that run at the same time. */
  slots: number;
  /** Maximum number of requests that wait for a slot. Further ones get 429 with `Retry-After`. */
  queueLimit: number;
  routes: readonly Route<Loaded>[];
  /**
   * Loads the model, while the port already answers "Loading model". Every handler gets the result. Throw a `StartError`
   * to end the program with a message and an exit code.
   */
  load(context: LoadContext): Promise<Loaded>;
  /** Frees what `load` returned; called once, after the last request has ended. */
  unload?(loaded: Loaded): Promise<void> | void;
  /** Largest JSON body in bytes; 8 MiB when absent. */
  bodyLimit?: number;
  /** Milliseconds after SIGTERM until running requests are aborted; 30,000 when absent. */
  drainMs?: number;
  /** More gauges for `/metrics`. */
  gauges?: readonly Gauge[];
  /** More fields for the model's entry in `/v1/models`. */
  describe?(loaded: Loaded): Record<string, unknown>;
  /**
   * `RBEE_API_KEY` (bearer token of every request but health), `RBEE_READY_SOCKET`, `RBEE_READY_PATH` and
   * `RBEE_READY_TOKEN` (the ready callback) are read from here.
   */
  env: NodeJS.ProcessEnv;
  /** Where log lines go; stderr when absent. */
  log?(line: string): void;
}

export interface LoadContext {
  /** Aborts when the program is stopped while loading. */
  signal: AbortSignal;
  /** Reports the loading progress, 0 to 1; each new percent is logged. */
  progress(fraction: number): void;
  /** Writes a line to the worker's log. */
  log(line: string): void;
}

export interface Gauge {
  name: string;
  help: string;
  value(load: { running: number; waiting: number }): number;
}

export interface Route<Loaded> {
  /** POST when absent. */
  method?: 'GET' | 'POST';
  /** Absolute path, such as `/v1/chat/completions`. With `/*` at its end, it matches every path below. */
  path: string;
  /**
   * Type of a POST's body. `json` when absent. `multipart`: a form, with its text fields as the body, and its files on disk.
   * `raw`: anything, as a stream to pass on.
   */
  body?: 'json' | 'multipart' | 'raw';
  /**
   * JSON Schema of the body, of the text fields of a form, or of the query of a GET. Text fields are converted to numbers,
   * booleans and lists as in the schema. Other fields are accepted. A raw body has none.
   */
  schema?: Record<string, unknown>;
  /** Limits on a form's files: bytes of each (1 GiB when absent; for a raw body, of the whole) and their number (16). */
  files?: { bytes?: number; count?: number };
  /**
   * For a GET: the address for connections that request another protocol, such as a WebSocket. They are forwarded byte for
   * byte, take no slot, and are cut when the worker has drained. If absent, such a request is answered like any other.
   */
  upgrade?(request: UpgradeRequest, loaded: Loaded): UpgradeTarget;
  /** `false`: takes no slot and never waits, for requests that cost the engine nothing. */
  slot?: boolean;
  /** `false`: streams end without `data: [DONE]`. */
  done?: boolean;
  /**
   * Answers one request, which holds a slot until the promise settles. The result is sent as JSON, or unchanged if it comes
   * from `rawAnswer`; nothing is sent if the handler has opened `context.stream()`.
   */
  handler(request: WorkerRequest, context: RequestContext<Loaded>): Promise<unknown>;
}

export interface WorkerRequest {
  /** The body, or the fields of a form or query, validated by the route's schema; undefined for a raw body. */
  body: unknown;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  method: string;
  /** Path and query as requested. */
  url: string;
  /** The part of the path that matches the route's `*`. */
  rest: string;
  /** Files of a form, in order. They are removed when the request has ended. */
  files: readonly UploadedFile[];
  /** A raw body; absent when the request has none. */
  raw?: Readable;
}

export type UpgradeRequest = Pick<WorkerRequest, 'headers' | 'url'>;

export interface UpgradeTarget {
  /** `http://127.0.0.1:PORT/path?query` */
  url: string;
  /** Added to the headers of the connection. */
  headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Tokens used by a request, for the metrics. */
export interface TokenCount {
  prompt?: number;
  generated?: number;
}

export interface RequestContext<Loaded> {
  loaded: Loaded;
  /** The model name for the answer. */
  model: string;
  /** Aborts when the client disconnects, and when draining takes too long. Stop the engine then. */
  signal: AbortSignal;
  /** Turns the answer into a stream of server-sent events; the first call sends the headers. */
  stream(): EventStream;
  count(tokens: TokenCount): void;
  /** Writes a line to the worker's log, followed by the id of the request. */
  log(line: string): void;
}

/**
 * A stream of server-sent events. When the handler returns, it ends with `data: [DONE]` (unless the route has
 * `done: false`). When the handler throws, it ends with an error event and no `[DONE]`, so that a broken answer never
 * looks complete.
 */
export interface EventStream {
  /**
   * Sends one JSON event; a string must already be JSON. With a name, the event gets an `event:` line. Events within
   * milliseconds of each other share a write. Returns a promise if the client reads too slowly: await it.
   */
  send(event: object | string, name?: string): Promise<void> | undefined;
  /** Bytes have been sent, so the status can no longer change. */
  readonly opened: boolean;
}

export type { ErrorBody };

export interface UploadedFile {
  /** Name of the form's field, without `[]`. */
  field: string;
  /** File name as the client gave it, without folders. */
  name: string;
  /** Media type as the client gave it. */
  type: string;
  bytes: number;
  /** Path of the file, which is removed when the request has ended. */
  path: string;
  read(): Promise<Buffer>;
}
