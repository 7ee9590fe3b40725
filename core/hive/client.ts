/** The queen's way to a hive: its API as functions, over any socket that `connect` gives. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { json as readJson, text as readText } from 'node:stream/consumers';
import { isErrorBody, RbeeError } from '../contract/errors.ts';
import {
  type CatalogEntry,
  type HealthBody,
  type Heartbeat,
  type HiveDevices,
  type HiveState,
  type HiveWorker,
  jobHeader,
  type NarrationLine,
} from '../contract/hive-api.ts';
import type { ModelAction, ModelDetails, ModelRequestOf, ModelResults } from '../contract/models.ts';
import { isOutcome, type Narrate } from '../contract/narration.ts';
import type { PluginAction, PluginRequestOf, PluginResults } from '../contract/plugins.ts';
import type { WorkerSpec } from '../contract/worker.ts';
import { readLines } from './read-lines.ts';

export interface HiveClientOptions {
  /** Alias of the hive, for errors. */
  hive: string;
  connect: HiveAddress;
}

/** A socket of this machine, or whatever gives a connection to one of another. */
export type HiveAddress =
  | { socketPath: string }
  /** `token` is what the hive wants to be shown there, if anything. */
  | { dial: () => Promise<Duplex>; token?: () => string | undefined };

/** Options of a call that changes something. Aborting `signal` cancels the work on the hive. */
export interface HiveCall {
  signal?: AbortSignal;
  narrate?: Narrate;
  /** Id of the job on whose behalf the call is made. */
  job?: string;
}

export interface HiveChange extends HiveCall {
  /** Do not drain. */
  now?: boolean;
}

export interface LogOptions {
  lines?: number;
  follow?: boolean;
  signal?: AbortSignal;
}

/** Errors of all calls: HIVE_UNREACHABLE, and what the hive answers. */
export interface HiveClient {
  health(signal?: AbortSignal): Promise<HealthBody>;
  state(signal?: AbortSignal): Promise<HiveState>;
  /** Ends when the connection does. */
  heartbeats(options: { signal: AbortSignal }): AsyncIterable<Heartbeat>;
  devices(signal?: AbortSignal): Promise<HiveDevices>;
  refreshCatalog(signal?: AbortSignal): Promise<CatalogEntry[]>;
  spawn(spec: WorkerSpec, call?: HiveCall): Promise<HiveWorker>;
  start(id: string, call?: HiveCall): Promise<HiveWorker>;
  stop(id: string, call?: HiveChange): Promise<HiveWorker>;
  restart(id: string, call?: HiveChange): Promise<HiveWorker>;
  sleep(id: string, call?: HiveChange): Promise<HiveWorker>;
  wake(id: string, call?: HiveCall): Promise<HiveWorker>;
  delete(id: string, call?: HiveChange): Promise<HiveWorker>;
  /** Does something with plugins, such as `plugins('install', { plugin: 'llamacpp' })`. */
  plugins<Action extends PluginAction>(
    action: Action,
    request: PluginRequestOf<Action>,
    call?: HiveCall,
  ): Promise<PluginResults[Action]>;
  /** Does something with models, such as `models('download', { model: 'hf:org/repo' })`. */
  models<Action extends ModelAction>(
    action: Action,
    request: ModelRequestOf<Action>,
    call?: HiveCall,
  ): Promise<ModelResults[Action]>;
  modelList(signal?: AbortSignal): Promise<ModelResults['list']>;
  modelGet(model: string, signal?: AbortSignal): Promise<ModelDetails>;
  logs(id: string, options?: LogOptions): Promise<Readable>;
  close(): Promise<void>;
}

interface Request {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

export const createHiveClient = ({ hive, connect }: HiveClientOptions): HiveClient => {
  const open = new Set<ClientRequest>();

  /** A connection for each request: narration, logs and heartbeats hold theirs for as long as they last. */
  const send = ({ body, headers, ...request }: Request): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const call = httpRequest({ ...dialed(connect), ...request, headers: { ...shown(connect), ...headers } }, resolve);
      open.add(call);
      call.on('error', reject);
      call.on('close', () => open.delete(call));
      call.end(body);
    });

  const ask = async (request: Request): Promise<IncomingMessage> => {
    try {
      const response = await send(request);
      if ((response.statusCode ?? 500) < 400) return response;
      throw await errorOf(response, hive);
    } catch (error) {
      throw asUnreachable(error, hive, request.signal);
    }
  };

  const json = async <Answer>(method: Request['method'], path: string, signal?: AbortSignal): Promise<Answer> =>
    (await readJson(await ask({ method, path, signal }))) as Answer;

  const change = async <Result = HiveWorker>(
    method: Request['method'],
    path: string,
    payload: unknown,
    call: HiveChange = {},
  ): Promise<Result> => {
    const body = JSON.stringify(payload);
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...(call.job === undefined ? {} : { [jobHeader]: call.job }),
    };
    const response = await ask({ method, path, headers, body, signal: call.signal });
    try {
      for await (const line of readLines<NarrationLine>(response)) {
        if (!isOutcome(line)) call.narrate?.(line);
        else if (line.kind === 'error') throw RbeeError.from(line.error);
        else return line.result as Result;
      }
    } catch (error) {
      throw asUnreachable(error, hive, call.signal);
    }
    throw RbeeError.of('HIVE_UNREACHABLE', { hive, problem: 'its answer broke off' });
  };

  const worker = (id: string): string => `/v1/workers/${encodeURIComponent(id)}`;

  return {
    health: (signal) => json('GET', '/health', signal),
    state: (signal) => json('GET', '/v1/state', signal),
    async *heartbeats({ signal }) {
      const response = await ask({ method: 'GET', path: '/v1/heartbeats', signal });
      try {
        yield* readLines<Heartbeat>(response);
      } catch (error) {
        throw asUnreachable(error, hive, signal);
      }
    },
    devices: (signal) => json('GET', '/v1/devices', signal),
    refreshCatalog: (signal) => json('POST', '/v1/catalog/refresh', signal),
    spawn: (spec, call) => change('POST', '/v1/workers', spec, call),
    start: (id, call) => change('POST', `${worker(id)}/start`, {}, call),
    stop: (id, call) => change('POST', `${worker(id)}/stop`, { now: call?.now }, call),
    restart: (id, call) => change('POST', `${worker(id)}/restart`, { now: call?.now }, call),
    sleep: (id, call) => change('POST', `${worker(id)}/sleep`, { now: call?.now }, call),
    wake: (id, call) => change('POST', `${worker(id)}/wake`, {}, call),
    delete: (id, call) => change('DELETE', worker(id), { now: call?.now }, call),
    plugins: (action, request, call) => change('POST', `/v1/plugins/${action}`, request, call),
    models: (action, request, call) => change('POST', `/v1/models/${action}`, request, call),
    modelList: (signal) => json('GET', '/v1/models', signal),
    modelGet: (model, signal) => json('GET', `/v1/models?model=${encodeURIComponent(model)}`, signal),
    logs: (id, { lines = 100, follow = false, signal } = {}) =>
      ask({ method: 'GET', path: `${worker(id)}/logs?lines=${lines}&follow=${follow}`, signal }),
    close: async () => {
      for (const call of open) call.destroy();
    },
  };
};

const shown = (address: HiveAddress): Record<string, string> => {
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

const errorOf = async (response: IncomingMessage, hive: string): Promise<RbeeError> => {
  const text = await readText(response);
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (isErrorBody(error)) return RbeeError.from(error);
  } catch {
    // Not an answer of a hive; told below.
  }
  return RbeeError.of('HIVE_UNREACHABLE', { hive, problem: `it answered ${response.statusCode}` });
};

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'it is not running',
  ECONNREFUSED: 'it is not running',
  ECONNRESET: 'the connection broke off',
};

const asUnreachable = (error: unknown, hive: string, signal: AbortSignal | undefined): unknown => {
  if (error instanceof RbeeError) return error;
  if (signal?.aborted) return signal.reason;
  const { code, message } = error as NodeJS.ErrnoException;
  const problem = problems[code ?? ''] ?? message;
  return RbeeError.of('HIVE_UNREACHABLE', { hive, problem }, { cause: error });
};
