/**
 * What a hive offers on `hive.sock` (HTTP; the queen is its only client).
 *
 * | request | answer |
 * |---|---|
 * | `GET /health` | `HealthBody` |
 * | `GET /v1/state` | `HiveState` |
 * | `GET /v1/heartbeats` | NDJSON of `Heartbeat`: full state first, a tick each second, full state at once on any change |
 * | `GET /v1/devices` | `HiveDevices`, measured now |
 * | `POST /v1/catalog/refresh` | `CatalogEntry[]`, read again from disk |
 * | `POST /v1/needs` (`NeedsRequest`) | narration, then the next `HiveNeed`, or null when nothing is lacking |
 * | `POST /v1/workers` (`SpawnRequest`) | NDJSON of narration, then the ready `HiveWorker` as outcome |
 * | `POST /v1/workers/{id}/start`, `/wake` (`WorkerRequest`) | the same |
 * | `POST /v1/workers/{id}/stop`, `/sleep`, `/restart`, `DELETE /v1/workers/{id}` (`StopRequest`) | the same |
 * | `POST /v1/plugins/{install,uninstall,update,link,inspect,search,prune,list,import,prepare}` | narration, then as `plugins.ts` says |
 * | `POST /v1/models/{download,offer,list,get,delete,verify,gc}` | narration, then as `models.ts` says |
 * | `GET /v1/models`, `GET /v1/models?model=M` | `{ models: ModelView[] }`, `ModelDetails` |
 * | `GET /v1/workers/{id}/logs?lines=N&follow=true` | plain text, as it was written |
 * | `POST /v1/workers/{id}/ready` | 204; the ready callback, with the worker's one-time token as bearer |
 *
 * Closing the connection of a request that narrates cancels it. Errors are `{ error: ErrorBody }`.
 */

import type { WorkerSpec, WorkerView } from '../worker.ts';
import type { DeviceFacts, HostFacts, ServedPath, UnservedPath } from '../worker-type/worker-type.ts';
import type { NarrationEvent, Outcome } from './narration.ts';

/** `GET /health` of queen and hive. */
export interface HealthBody {
  status: 'ok';
  /** What answers: `queen`, `hive`. */
  name: string;
  version: string;
  pid: number;
  /** Identifies this run of the daemon; changes with each restart. */
  instance: string;
  startedAt: string;
}

/**
 * A worker as the hive reports it to the queen: the public view, plus what the queen needs to connect to it. Never
 * shown to users.
 */
export interface HiveWorker extends WorkerView {
  /** Unique to this worker, even if a later worker reuses its id. Absent from older hives. */
  uid?: string;
  /** Bearer token that the engine expects. */
  apiKey: string;
  serves: readonly ServedPath[];
  /** Paths that its type supports and this worker does not. Absent from older hives. */
  unserved?: readonly UnservedPath[];
  /** The engine does not exit while clients are connected. */
  closesOnlyWhenIdle: boolean;
  /** The spec it was spawned with; absent from older hives. */
  spec?: WorkerSpec;
  /** Its last health check failed, so the queen prefers other workers. Absent from older hives. */
  suspect?: boolean;
}

/** A worker type installed on a hive. */
export interface CatalogEntry {
  type: string;
  aliases: readonly string[];
  /** npm package that provides it, and its version. */
  plugin: string;
  version: string;
  summary: string;
  serves: readonly string[];
  variants: readonly string[];
  /** Installed variants; others are installed when a worker needs them. */
  installed: readonly string[];
  /** `sha512-…` of an installed plugin. Null for a development or linked plugin; absent from older hives. */
  integrity?: string | null;
  /** Its origin: the development index, a link or an installation. */
  source: 'development' | 'link' | 'installed';
  /** Why the type is unusable. Absent or null: it is usable. */
  fault?: string;
}

export interface HiveDevices {
  devices: readonly DeviceFacts[];
  host: Omit<HostFacts, 'devices' | 'probes'>;
  /** Probes that found nothing, for `rbee doctor`. */
  notes: readonly string[];
}

export interface HiveState {
  machineId: string;
  hostname: string;
  version: string;
  /** The build that a sync installed, `<version>-<hash8>`; null if no queen installed this hive. */
  build?: string | null;
  pid: number;
  instance: string;
  startedAt: string;
  devices: readonly DeviceFacts[];
  memory: { total: number; available: number };
  cpu: { model: string; cores: number };
  catalog: readonly CatalogEntry[];
  workers: readonly HiveWorker[];
}

export type Heartbeat = { kind: 'state'; revision: number; state: HiveState } | { kind: 'tick'; revision: number };

/** The worker to spawn, and the values of the secrets that it references. */
export type SpawnRequest = WorkerSpec & { secrets?: Readonly<Record<string, string>> };

export interface WorkerRequest {
  /** Current values of the secrets that the worker references, for `start` and `restart`. */
  secrets?: Readonly<Record<string, string>>;
  /** The worker's instance. If another worker has taken over its id, the answer is WORKER_NOT_FOUND. */
  uid?: string;
}

export interface StopRequest extends WorkerRequest {
  /** Do not drain. */
  now?: boolean;
}

/** A line of a narrating answer. */
export type NarrationLine = NarrationEvent | Outcome;

/** Header with the id of the job on whose behalf the queen asks. */
export const jobHeader = 'x-rbee-job';
