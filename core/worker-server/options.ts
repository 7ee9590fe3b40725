/** What a worker's program tells the server, and what its handlers get. */
import type { Readable } from 'node:stream';
import type { ErrorBody } from './errors.ts';

export interface WorkerServerOptions<Loaded> {
  /** Name of the program, at the head of each of its log lines. */
  name: string;
  /** Address and port to listen on; port 0 takes a free one. */
  host: string;
  port: number;
  /** Names under which the model is served; answers carry the first. */
  models: readonly string[];
  /** Requests that run at the same time. */
  slots: number;
  /** Requests that may wait for a slot; one more is answered with 429 and `Retry-After`. */
  queueLimit: number;
  routes: readonly Route<Loaded>[];
  /**
   * Loads the model, while the port already answers "Loading model". What it gives reaches every handler. Throw a
   * `StartError` to end the program with a sentence and an exit code.
   */
  load(context: LoadContext): Promise<Loaded>;
  /** Frees what `load` made; called once, after the last request has ended. */
  unload?(loaded: Loaded): Promise<void> | void;
  /** Largest JSON body in bytes; 8 MiB when absent. */
  bodyLimit?: number;
  /** Milliseconds that running requests may still take after SIGTERM before they are aborted; 30,000 when absent. */
  drainMs?: number;
  /** More gauges for `/metrics`, beside the `rbee_` ones. */
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
  /** Fires when the program is asked to stop while loading. */
  signal: AbortSignal;
  /** Tells how far loading is, 0 to 1; each new percent is a line of the log. */
  progress(fraction: number): void;
  /** A line of the worker's log. */
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
  /** Absolute path, such as `/v1/chat/completions`. With `/*` at its end it takes every path below. */
  path: string;
  /**
   * What a POST brings. `json` when absent. `multipart`: a form, its text fields as the body, its files on disk.
   * `raw`: whatever it is, as a stream, to be passed on.
   */
  body?: 'json' | 'multipart' | 'raw';
  /**
   * JSON Schema of the body: of the text fields of a form, and of the query of a GET, where numbers, booleans and lists
   * are made from text as the schema asks. Fields that it does not name are let through. A raw body has none.
   */
  schema?: Record<string, unknown>;
  /** Bounds of a form's files: bytes of each (1 GiB when absent; of the whole of a raw body) and how many (16). */
  files?: { bytes?: number; count?: number };
  /**
   * Of a GET: where a connection goes that wants another protocol (a WebSocket). It is joined to that address byte for
   * byte, takes no slot, and is cut when the worker has drained. Absent: such a request is answered like any other.
   */
  upgrade?(request: UpgradeRequest, loaded: Loaded): UpgradeTarget;
  /** `false`: takes no slot and never waits; for what costs the engine nothing. */
  slot?: boolean;
  /** `false`: its streams end without `data: [DONE]`. */
  done?: boolean;
  /**
   * Answers one request; it holds a slot until the promise settles. What it gives is sent as JSON, or as it is when it
   * comes from `rawAnswer`, unless it has opened `context.stream()`.
   */
  handler(request: WorkerRequest, context: RequestContext<Loaded>): Promise<unknown>;
}

export interface WorkerRequest {
  /** The body, valid by the route's schema; the fields of a form or of a query; undefined for a raw body. */
  body: unknown;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  method: string;
  /** Path and query as they were asked for. */
  url: string;
  /** What stands in the place of the `*` of the route's path. */
  rest: string;
  /** Files of a form, in their order. They are removed when the request has ended. */
  files: readonly UploadedFile[];
  /** A raw body; absent when the request has none. */
  raw?: Readable;
}

export type UpgradeRequest = Pick<WorkerRequest, 'headers' | 'url'>;

export interface UpgradeTarget {
  /** `http://127.0.0.1:PORT/path?query` */
  url: string;
  /** Besides those of the connection itself. */
  headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Tokens that a request has used, for the metrics. */
export interface TokenCount {
  prompt?: number;
  generated?: number;
}

export interface RequestContext<Loaded> {
  loaded: Loaded;
  /** The name to answer with. */
  model: string;
  /** Fires when the client has left, streaming or not, and when draining takes too long. Stop the engine then. */
  signal: AbortSignal;
  /** Turns the answer into a stream of server-sent events; the first call sends the headers. */
  stream(): EventStream;
  count(tokens: TokenCount): void;
  /** A line of the worker's log, with the id of the request at its end. */
  log(line: string): void;
}

/**
 * A stream of server-sent events. When the handler returns it is ended with `data: [DONE]` (unless its route says
 * `done: false`); when the handler throws, with an error event and no `[DONE]`, so that a broken answer never looks like a
 * whole one.
 */
export interface EventStream {
  /**
   * Sends one JSON event; text is taken for JSON already. With a name it gets an `event:` line. Events that follow each
   * other within milliseconds share a write. A promise comes back when the client reads more slowly than events are made:
   * await it.
   */
  send(event: object | string, name?: string): Promise<void> | undefined;
  /** Bytes are on their way: no other status can be sent. */
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
  /** Where it is; gone when the request has ended. */
  path: string;
  read(): Promise<Buffer>;
}
