/**
 * What the queen offers.
 *
 * On `queen.sock` (0600, for the keeper: it may do everything), and on TCP for keys with enough scope:
 *
 * | request | answer |
 * |---|---|
 * | `GET /v1/status` | `FleetStatus` |
 * | `GET /v1/hives`, `GET /v1/hives/{hive}` | `{ hives: HiveView[] }`, `HiveView` |
 * | `GET /v1/hives/{hive}/devices` | `HiveDevices` |
 * | `GET /v1/hives/{hive}/models`, `GET /v1/hives/{hive}/models?model=M` | `{ models: ModelView[] }`, `ModelDetails` |
 * | `GET /v1/workers?hive=A`, `GET /v1/workers/{id}?hive=A` | `WorkerList`, `WorkerView`; two hives may use one id |
 * | `GET /v1/workers/{id}/logs?hive=A&lines=N&follow=true` | plain text |
 * | `GET /v1/catalog?hive=A` | `{ types: (CatalogEntry & { hive })[] }` |
 * | `GET /v1/secrets`, `GET /v1/keys` | `{ secrets: SecretView[] }`, `{ keys: KeyView[] }` |
 * | `GET /v1/operations` | name, summary and schemas of each operation |
 * | `POST /v1/jobs` (`{ operation, input }`, header `Idempotency-Key`) | 202 `{ job_id }` |
 * | `GET /v1/jobs?limit=N`, `GET /v1/jobs/{id}` | `{ jobs: JobView[] }`, `JobView` |
 * | `GET /v1/jobs/{id}/events` | SSE of `JobEvent`, from after `Last-Event-ID`; ends with the outcome |
 * | `POST /v1/jobs/{id}/answers` | 204; the answer to an `ask` |
 * | `DELETE /v1/jobs/{id}` | 202 `JobView`; cancels |
 *
 * On `queen.sock` and on TCP (`127.0.0.1:8500`, for applications; loopback needs no key): `GET /health`, `GET /v1/models`, `GET
 * /v1/models/{name}`, and each path that the worker type of a ready worker serves, chosen by the request's `model`.
 * Paths may lack `/v1` and have stray slashes.
 *
 * `GET /v1/models` lists what can be requested: aliases too, and models whose workers load, restart or sleep, for which
 * a request waits. Clients of OpenAI's and of Anthropic's API accept it. Beyond their fields, each model has its
 * `state`, `capabilities`, and `context_length` where it is known. All models are on one page; `limit` and the like are
 * ignored.
 *
 * Errors are `{ error: ErrorBody }`. On the paths for applications they have OpenAI's `type` and `param` as well, and their
 * `code` is OpenAI's or that of the catalogue in lower case, whatever engine answered. Every answer has an `x-request-id`: the
 * client's own if it is 1 to 128 visible ASCII characters, otherwise a new one.
 *
 * All jobs and their events share one budget of memory and one of disk; `jobs` of `FleetStatus` (`rbee status --json`)
 * has what they use and may use: `memoryBytes` of `maxMemoryBytes` (32 MiB), `diskBytes` of `maxDiskBytes` (256 MiB,
 * the file `queen.db`). For one job, at most 8 MiB of events and 16 MiB of result are kept. The events of the oldest
 * jobs are dropped first. A new job is refused with `JOB_MEMORY_EXHAUSTED` while the inputs of running jobs use up the
 * memory.
 *
 * A client that follows a job from the start gets all events, numbered in steps of 1. Later, some events may be
 * missing: progress that was replaced by newer progress of the same step, and what exceeds the budget. Numbers keep
 * their order, so `Last-Event-ID` still works, and the outcome is always the last event.
 */
import type { ErrorBody } from '../errors.ts';
import type { WorkerView } from '../worker.ts';
import type { DeviceFacts } from '../worker-type/worker-type.ts';
import type { CatalogEntry } from './hive-api.ts';
import type { OperationName } from './operations.ts';
import type { FleetDrift } from './sync.ts';

/** Maximum size of a request in bytes: to operations, and from applications. */
export const bodyLimit = { operations: 8 * 1024 ** 2, application: 1024 ** 3 };

/** `faulty`: it sent invalid answers and is not used until it sends valid ones. */
export type HiveStatus = 'online' | 'unreachable' | 'faulty' | 'stopped';

export interface HiveView {
  alias: string;
  hostname: string;
  status: HiveStatus;
  /** When it entered this status; ISO 8601. */
  since: string;
  /** Why it is not online. */
  reason: string | null;
  /** `attached`: runs inside the queen. `local`: a separate process on this machine. */
  mode: 'attached' | 'local' | 'ssh';
  pid: number | null;
  version: string | null;
  devices: readonly DeviceFacts[];
  memory: { total: number; available: number } | null;
  cpu: { model: string; cores: number } | null;
  workers: number;
  types: readonly string[];
  /** Labels from hives.conf. */
  labels: Readonly<Record<string, string>>;
}

/** A hive that did not answer. */
export interface AbsentHive {
  hive: string;
  status: HiveStatus;
  reason: string | null;
}

export interface WorkerList {
  workers: readonly WorkerView[];
  /** Hives that do not answer: their workers may still be running, and are missing or shown as lost. Absent if all hives answer. */
  absent?: readonly AbsentHive[];
}

/** Resources used by all jobs and their events, and the limits. */
export interface JobsUsage {
  memoryBytes: number;
  maxMemoryBytes: number;
  /** Size of the job database, `queen.db`. */
  diskBytes: number;
  maxDiskBytes: number;
}

export interface FleetStatus {
  queen: {
    pid: number;
    version: string;
    /** Where applications find it: the first of its addresses. */
    url: string;
    /** All of its addresses. Absent from an older queen. */
    urls?: readonly string[];
    mode: 'attached-hive' | 'standalone';
    startedAt: string;
  };
  hives: readonly HiveView[];
  workers: readonly WorkerView[];
  /** Names of the models served now. */
  models: readonly string[];
  /** Absent from older queens. */
  jobs?: JobsUsage;
  /** How the fleet differs from `hives.conf`; absent if there is no such file, or it is invalid. */
  drift?: FleetDrift;
}

export type JobState = 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface JobView {
  id: string;
  operation: OperationName;
  state: JobState;
  input: unknown;
  createdAt: string;
  endedAt: string | null;
  /** Null in a list if it is longer than 16 KiB. */
  result: unknown;
  error: ErrorBody | null;
}

/** What `rbee queen status --json` prints. */
export interface QueenStatus {
  status: 'running' | 'stopped' | 'failed' | 'stale';
  pid: number | null;
  url: string | null;
  /** All addresses on which it listens. */
  urls?: readonly string[];
  version: string | null;
  startedAt: string | null;
  reason: string | null;
}

/** A worker type, and the hive on which it is installed. */
export type HiveCatalogEntry = CatalogEntry & { hive: string };
