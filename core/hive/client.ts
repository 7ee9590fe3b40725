/**
 * The API of a hive as functions, over any socket that `connect` opens. A hive is another machine, so everything it
 * sends is checked here before other code sees it: shape, size, rate, and that it reports only about itself.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { BadInput } from '../boundary/bad-input.ts';
import { readJson, readJsonLines } from '../boundary/read-bounded.ts';
import { localAlias } from '../config/hive-entry.ts';
import {
  type CatalogEntry,
  type HealthBody,
  type Heartbeat,
  type HiveDevices,
  type HiveState,
  type HiveWorker,
  jobHeader,
} from '../contract/api/hive-api.ts';
import type { Narrate } from '../contract/api/narration.ts';
import { RbeeError } from '../contract/errors.ts';
import type { ModelAction, ModelDetails, ModelRequestOf, ModelResults } from '../contract/models.ts';
import type { PluginAction, PluginRequestOf, PluginResults } from '../contract/plugins.ts';
import type { WorkerSpec } from '../contract/worker.ts';
import type { HiveNeed, NeedsRequest } from '../contract/worker-type/needs.ts';
import { answerLimits, errorLimits, heartbeatLimits, narrationLimits } from './answer-limits.ts';
import {
  readCatalog,
  readDevices,
  readErrorBody,
  readHealth,
  readHeartbeat,
  readModels,
  readNarration,
  readNeeds,
  readPlugins,
  readState,
  readWorker,
} from './answers.ts';
import { type HiveAddress, HiveConnections } from './hive-connections.ts';

export type { HiveAddress } from './hive-connections.ts';

export interface HiveClientOptions {
  /** Alias of the hive: its answers are filed under this name, whatever it calls itself. */
  hive: string;
  connect: HiveAddress;
}

/** Options of a call that changes something. Aborting `signal` cancels the work on the hive. */
export interface HiveCall {
  signal?: AbortSignal;
  narrate?: Narrate;
  /** Id of the job that makes the call. */
  job?: string;
  /** For spawn, start and restart: values of the secrets that the worker uses. */
  secrets?: Readonly<Record<string, string>>;
}

/** A change of a worker. */
export interface WorkerCall extends HiveCall {
  /** The expected worker's uid. Absent: any worker with the id. */
  uid?: string;
}

export interface HiveChange extends WorkerCall {
  /** Do not drain. */
  now?: boolean;
}

export interface LogOptions {
  lines?: number;
  follow?: boolean;
  signal?: AbortSignal;
}

/**
 * All calls throw HIVE_UNREACHABLE, HIVE_PROTOCOL_ERROR when the hive breaks the rules, HIVE_OUTDATED when its build does not
 * know the call, and the errors that the hive answers.
 */
export interface HiveClient {
  health(signal?: AbortSignal): Promise<HealthBody>;
  state(signal?: AbortSignal): Promise<HiveState>;
  /** Calls `onBeat` for each heartbeat, until the connection ends. */
  heartbeats(options: { signal: AbortSignal; onBeat: (beat: Heartbeat) => void }): Promise<void>;
  devices(signal?: AbortSignal): Promise<HiveDevices>;
  refreshCatalog(signal?: AbortSignal): Promise<CatalogEntry[]>;
  /**
   * The next thing that the hive is missing for this work; null for nothing. Changes nothing. Also throws any error
   * with which the work would be refused.
   */
  needs(request: NeedsRequest, call?: HiveCall): Promise<HiveNeed | null>;
  spawn(spec: WorkerSpec, call?: HiveCall): Promise<HiveWorker>;
  start(id: string, call?: WorkerCall): Promise<HiveWorker>;
  stop(id: string, call?: HiveChange): Promise<HiveWorker>;
  restart(id: string, call?: HiveChange): Promise<HiveWorker>;
  sleep(id: string, call?: HiveChange): Promise<HiveWorker>;
  wake(id: string, call?: WorkerCall): Promise<HiveWorker>;
  delete(id: string, call?: HiveChange): Promise<HiveWorker>;
  /** Acts on plugins, for example `plugins('install', { plugin: 'llamacpp' })`. */
  plugins<Action extends PluginAction>(
    action: Action,
    request: PluginRequestOf<Action>,
    call?: HiveCall,
  ): Promise<PluginResults[Action]>;
  /** Acts on models, for example `models('download', { model: 'hf:org/repo' })`. */
  models<Action extends ModelAction>(
    action: Action,
    request: ModelRequestOf<Action>,
    call?: HiveCall,
  ): Promise<ModelResults[Action]>;
  modelList(signal?: AbortSignal): Promise<ModelResults['list']>;
  modelGet(model: string, signal?: AbortSignal): Promise<ModelDetails>;
  /** Exactly what the engine wrote, unchecked. */
  logs(id: string, options?: LogOptions): Promise<Readable>;
  /** Calls `listener` with HIVE_PROTOCOL_ERROR whenever an answer breaks the rules. */
  onFault(listener: (error: RbeeError) => void): void;
  close(): Promise<void>;
}

type Method = 'GET' | 'POST' | 'DELETE';

export const createHiveClient = ({ hive, connect }: HiveClientOptions): HiveClient => {
  const connections = new HiveConnections(hive, connect);
  const listeners: ((error: RbeeError) => void)[] = [];

  /** The catalogue's error for a failed answer. */
  const failure = (error: unknown, signal: AbortSignal | undefined): unknown => {
    if (!(error instanceof BadInput)) return connections.unreachable(error, signal);
    const fault = RbeeError.of('HIVE_PROTOCOL_ERROR', { hive, problem: error.message }, { cause: error });
    for (const listener of listeners) listener(fault);
    return fault;
  };

  const ask = async (request: Parameters<HiveConnections['send']>[0]): Promise<IncomingMessage> => {
    try {
      const response = await connections.send(request);
      if (response.statusCode === 200) return response;
      const refusal = await refusalOf(response);
      // A hive of the same build knows every call of this queen.
      if (refusal.code === 'NOT_FOUND') {
        const [route] = request.path.split('?');
        throw outdated(hive, `answer ${request.method} ${route}`, refusal);
      }
      throw refusal;
    } catch (error) {
      throw failure(error, request.signal);
    }
  };

  const json = async <Answer>(
    method: Method,
    path: string,
    read: (value: unknown) => Answer,
    signal?: AbortSignal,
  ): Promise<Answer> => {
    const response = await ask({ method, path, signal });
    try {
      return read(await readJson(response, answerLimits));
    } catch (error) {
      throw failure(error, signal);
    }
  };

  const change = async <Result>(
    method: Method,
    path: string,
    payload: unknown,
    read: (value: unknown) => Result,
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
      const answer = await readJsonLines(response, narrationLimits, (line) => {
        const { kind, result, error } = (line ?? {}) as { kind?: unknown; result?: unknown; error?: unknown };
        if (kind === 'result') return { result: read(result) };
        if (kind === 'error') throw RbeeError.from(readErrorBody(error));
        const event = readNarration(line);
        if (event) call.narrate?.(event);
        return undefined;
      });
      if (answer) return answer.result;
    } catch (error) {
      throw failure(error, call.signal);
    }
    throw RbeeError.of('HIVE_UNREACHABLE', { hive, problem: 'the connection was lost during its answer' });
  };

  /** A hive may report only about itself: under the queen's name for it, and about the requested worker. */
  const own = <View extends { hive: string }>(view: View): View => ({ ...view, hive });
  const workerOf = (id?: string, uid?: string) => (value: unknown) => {
    const answered = readWorker(value);
    const isMeant = (id === undefined || answered.id === id) && (uid === undefined || answered.uid === uid);
    if (!isMeant) throw new BadInput(`it answered for another worker (${answered.id}) than it was asked about (${id})`);
    return own(answered);
  };
  const ownState = (state: HiveState): HiveState => ({ ...state, workers: state.workers.map(own) });
  const ownModels = <Result>(result: Result): Result => {
    if (typeof result !== 'object' || result === null) return result;
    if ('hive' in result) return { ...result, hive };
    if ('models' in result && Array.isArray(result.models)) return { ...result, models: result.models.map(ownModels) };
    return result;
  };

  const meant = (call: WorkerCall | undefined) => (call?.uid === undefined ? {} : { uid: call.uid });
  const brought = (call: HiveCall | undefined) => (call?.secrets === undefined ? {} : { secrets: call.secrets });
  const at = (id: string): string => `/v1/workers/${encodeURIComponent(id)}`;

  return {
    health: (signal) => json('GET', '/health', readHealth, signal),
    state: (signal) => json('GET', '/v1/state', (value) => ownState(readState(value)), signal),
    heartbeats: async ({ signal, onBeat }) => {
      const response = await ask({ method: 'GET', path: '/v1/heartbeats', signal });
      try {
        await readJsonLines(response, heartbeatLimits, (line) => {
          const beat = readHeartbeat(line);
          if (beat) onBeat(beat.kind === 'state' ? { ...beat, state: ownState(beat.state) } : beat);
          return undefined;
        });
      } catch (error) {
        throw failure(error, signal);
      }
    },
    devices: (signal) => json('GET', '/v1/devices', readDevices, signal),
    refreshCatalog: (signal) => json('POST', '/v1/catalog/refresh', readCatalog, signal),
    needs: (request, call) => change('POST', '/v1/needs', request, readNeeds, call),
    spawn: (spec, call) => change('POST', '/v1/workers', { ...spec, ...brought(call) }, workerOf(spec.id), call),
    start: (id, call) =>
      change('POST', `${at(id)}/start`, { ...meant(call), ...brought(call) }, workerOf(id, call?.uid), call),
    stop: (id, call) =>
      change('POST', `${at(id)}/stop`, { ...meant(call), now: call?.now }, workerOf(id, call?.uid), call),
    restart: (id, call) =>
      change(
        'POST',
        `${at(id)}/restart`,
        { ...meant(call), ...brought(call), now: call?.now },
        workerOf(id, call?.uid),
        call,
      ),
    sleep: (id, call) =>
      change('POST', `${at(id)}/sleep`, { ...meant(call), now: call?.now }, workerOf(id, call?.uid), call),
    wake: (id, call) => change('POST', `${at(id)}/wake`, meant(call), workerOf(id, call?.uid), call),
    delete: (id, call) => change('DELETE', at(id), { ...meant(call), now: call?.now }, workerOf(id, call?.uid), call),
    plugins: (action, request, call) => change('POST', `/v1/plugins/${action}`, request, readPlugins[action], call),
    models: async (action, request, call) =>
      ownModels(await change('POST', `/v1/models/${action}`, request, readModels[action], call)),
    modelList: async (signal) => ownModels(await json('GET', '/v1/models', readModels.list, signal)),
    modelGet: async (model, signal) =>
      ownModels(await json('GET', `/v1/models?model=${encodeURIComponent(model)}`, readModels.get, signal)),
    logs: (id, { lines = 100, follow = false, signal } = {}) =>
      ask({ method: 'GET', path: `${at(id)}/logs?lines=${lines}&follow=${follow}`, signal }),
    onFault: (listener) => void listeners.push(listener),
    close: async () => connections.close(),
  };
};

/** Throws BadInput when the answer is not one of a hive. */
const refusalOf = async (response: IncomingMessage): Promise<RbeeError> => {
  const { statusCode = 0 } = response;
  if (statusCode < 400) {
    response.destroy();
    throw new BadInput(`it answered with status ${statusCode}`);
  }
  const body = await readJson(response, errorLimits);
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return RbeeError.from(readErrorBody(error));
};

/** The error for a hive of an older build that does not support everything this queen needs. */
export const outdated = (hive: string, action: string, cause: unknown): RbeeError => {
  const command = hive === localAlias ? `rbee hive restart ${hive}` : `rbee sync --hive ${hive}`;
  return RbeeError.of('HIVE_OUTDATED', { hive, action, command }, { cause });
};
