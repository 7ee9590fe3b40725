/**
 * One complete sample of each shape that the command line shows: every optional member is present and nothing is null,
 * so the samples contain each string of the contract. A member that the contract gains and a sample lacks is a type
 * error.
 */
import type { AuditEntry, KeyView } from '../../core/contract/api/access.ts';
import type { CatalogEntry, HiveDevices } from '../../core/contract/api/hive-api.ts';
import type { NarrationEvent } from '../../core/contract/api/narration.ts';
import type { InferResult } from '../../core/contract/api/operations.ts';
import type { FleetStatus, HiveView, JobView, WorkerList } from '../../core/contract/api/queen-api.ts';
import type {
  DriftView,
  Extra,
  HiveLogs,
  HivePlan,
  MigrationResult,
  SshTestResult,
  SyncCheck,
  SyncPlan,
  SyncReport,
  SyncStep,
  ValidationReport,
} from '../../core/contract/api/sync.ts';
import type { ErrorBody } from '../../core/contract/errors.ts';
import type { ModelCollection, ModelDetails, ModelVerification } from '../../core/contract/models.ts';
import type { PluginDetails, PluginHit, PluginPrune, PluginUpdate, PluginView } from '../../core/contract/plugins.ts';
import type { SecretView } from '../../core/contract/secret-reference.ts';
import type { WorkerSpec, WorkerView } from '../../core/contract/worker.ts';
import type { DeviceFacts } from '../../core/contract/worker-type/worker-type.ts';
import { aKey } from './hostile-text.ts';

type Whole<Shape> = Shape extends string | number | boolean
  ? Shape
  : Shape extends readonly (infer Item)[]
    ? readonly Whole<NonNullable<Item>>[]
    : { [Key in keyof Shape]-?: unknown extends Shape[Key] ? unknown : Whole<NonNullable<Shape[Key]>> };

const x = 'x';
const at = '2026-01-01T00:00:00Z';
const record = { [aKey]: x };

export const error: Whole<ErrorBody> = { code: 'WORKER_FAILED', message: x, hint: x, lines: [x] };

export const device: Whole<DeviceFacts> = {
  id: x,
  kind: x,
  name: x,
  memory: { total: 2, free: 1 },
  uuid: x,
  busId: x,
  utilization: 0.5,
  driver: x,
  computeCapability: x,
  fault: x,
};

export const worker: Whole<WorkerView> = {
  id: x,
  type: x,
  variant: x,
  device: x,
  model: x,
  names: [x, x],
  reference: x,
  kinds: ['chat'],
  state: 'failed',
  progress: 0.5,
  pid: 7,
  port: 18000,
  hive: x,
  engine: x,
  plugin: x,
  pluginVersion: x,
  startedAt: at,
  readyAt: at,
  readyMs: 5,
  restarts: 1,
  kills: 1,
  running: 1,
  waiting: 1,
  failure: { cause: x, message: x, hint: x, exitCode: 1, signal: x, log: [x], at },
  slots: 4,
  abilities: { [aKey]: true },
  paths: [x],
  options: { [aKey]: [x, record] },
  givenOptions: [x],
  declaration: x,
  logFile: x,
};

export const workerList: Whole<WorkerList> = {
  workers: [worker],
  absent: [{ hive: x, status: 'unreachable', reason: x }],
};

export const hive: Whole<HiveView> = {
  alias: x,
  hostname: x,
  status: 'unreachable',
  since: at,
  reason: x,
  mode: 'ssh',
  pid: 7,
  version: '0.0.1-x',
  devices: [device],
  memory: { total: 2, available: 1 },
  cpu: { model: x, cores: 1 },
  workers: 1,
  types: [x],
  labels: record,
};

const spec: Whole<WorkerSpec> = {
  type: x,
  variant: x,
  device: x,
  model: x,
  components: record,
  name: x,
  id: x,
  options: record,
  environment: record,
  restart: 'always',
  memoryLimit: 1,
  cpuLimit: 1,
  declaration: x,
  force: true,
};

export const accessKey: Whole<KeyView> = {
  id: x,
  name: x,
  scope: 'infer',
  models: [x],
  hives: [x],
  requestsPerMinute: 1,
  tokensPerMinute: 1,
  maxConcurrent: 1,
  expiresAt: at,
  createdAt: at,
  rotatedAt: at,
  revokedAt: at,
  state: 'revoked',
  lastUsedAt: at,
};

export const auditEntry: Whole<AuditEntry> = {
  at,
  who: x,
  key: x,
  from: x,
  operation: x,
  about: { hive: x },
  job: x,
  outcome: 'failed',
  code: x,
};

export const secret: Whole<SecretView> = {
  name: x,
  updatedAt: at,
  uses: [
    { kind: 'worker', hive: x, worker: x, state: x },
    { kind: 'declared', hive: x, type: x, line: 1 },
  ],
};

const step = { type: x, package: x, version: x };
const steps: { [Kind in SyncStep['kind']]: Whole<Extract<SyncStep, { kind: Kind }>> } = {
  install_hive: { kind: 'install_hive', from: x, to: x, start: true },
  start_hive: { kind: 'start_hive' },
  install_worker: { kind: 'install_worker', ...step, integrity: x, variant: x, from: x, again: true },
  download_model: { kind: 'download_model', model: x },
  start_worker: { kind: 'start_worker', worker: x, group: x, spec, because: 'failed' },
  replace_worker: { kind: 'replace_worker', worker: x, group: x, spec, because: 'taken' },
  delete_worker: { kind: 'delete_worker', worker: x, type: x },
  uninstall_worker: { kind: 'uninstall_worker', ...step },
  uninstall_hive: { kind: 'uninstall_hive', purge: true },
};

const extras: { [Kind in Extra['kind']]: Whole<Extract<Extra, { kind: Kind }>> } = {
  hive: { kind: 'hive' },
  worker_type: { kind: 'worker_type', ...step },
  worker: { kind: 'worker', worker: x, type: x },
};

const hivePlan: Whole<HivePlan> = {
  alias: x,
  hostname: x,
  status: 'online',
  steps: Object.values(steps),
  extra: [],
  problems: [error],
  complete: false,
  fine: 1,
};

/** One hive with steps to take, one with undeclared items. */
export const plan: Whole<SyncPlan> = {
  config: x,
  hives: [hivePlan, { ...hivePlan, steps: [], extra: Object.values(extras) }],
  steps: 9,
  inSync: false,
};

export const report: Whole<SyncReport> = {
  config: x,
  hives: [
    {
      alias: x,
      hostname: x,
      state: 'partly',
      steps: (['done', 'failed', 'skipped'] as const).flatMap((state) =>
        Object.values(steps).map((one) => ({ step: one, state, error, attempts: 2, ms: 1 })),
      ),
      problems: [error],
      ms: 1,
      retry: x,
    },
  ],
  counts: { hives: 1, unchanged: 0, done: 0, failed: 1, skipped: 0 },
  partial: true,
  failed: false,
  cancelled: false,
  startedAt: at,
  ms: 1,
  retry: x,
};

export const drift: Whole<DriftView> = {
  config: x,
  declared: true,
  inSync: false,
  hives: [{ alias: x, hostname: x, state: 'drifted', summary: x, plan: hivePlan }],
  counts: { hives: 1, inSync: 0, drifted: 1, unreachable: 0, undeclared: 0, steps: 9 },
  at,
};

export const fleet: Whole<FleetStatus> = {
  queen: { pid: 7, version: x, url: x, urls: [x], mode: 'standalone', startedAt: at },
  hives: [hive],
  workers: [worker],
  models: [x],
  jobs: { memoryBytes: 1, maxMemoryBytes: 2, diskBytes: 1, maxDiskBytes: 2 },
  drift,
};

export const job: Whole<JobView> = {
  id: x,
  operation: 'worker_spawn',
  state: 'failed',
  input: { model: x, options: record },
  createdAt: at,
  endedAt: at,
  result: { of: [x, record] },
  error,
};

/** A question is separate, because it waits for an answer. */
export const events: {
  [Kind in Exclude<NarrationEvent['kind'], 'ask'>]: Whole<Extract<NarrationEvent, { kind: Kind }>>;
} = {
  step: { kind: 'step', id: x, text: x, on: x },
  progress: { kind: 'progress', id: x, done: 1, total: 2, unit: x, text: x },
  done: { kind: 'done', id: x, text: x, ms: 1, failed: true },
  info: { kind: 'info', text: x, on: x },
  warning: { kind: 'warning', text: x, hint: x, on: x },
  text: { kind: 'text', text: x },
  plan: { kind: 'plan', plan },
};

export const question: Whole<Extract<NarrationEvent, { kind: 'ask' }>> = {
  kind: 'ask',
  id: x,
  question: x,
  choices: [x],
  secret: true,
};

export const model: Whole<ModelDetails> = {
  hive: x,
  model: x,
  name: x,
  source: 'hf',
  commit: x,
  format: x,
  bytes: 1,
  wantedBytes: 2,
  complete: false,
  begunBytes: 1,
  downloading: false,
  path: x,
  gguf: { architecture: x, parameters: 1, contextLength: 1, quantization: x, chatTemplate: true },
  workers: [x],
  addedAt: at,
  changed: true,
  files: [{ path: x, bytes: 1, sha256: x }],
};

export const verification: Whole<ModelVerification> = {
  model: x,
  files: 1,
  bytes: 1,
  problems: [{ path: x, problem: x }],
};

export const collection: Whole<ModelCollection> = { removed: [{ path: x, bytes: 1, why: x }], bytes: 1 };

export const catalogEntry: Whole<CatalogEntry> & { hive: string } = {
  hive: x,
  type: x,
  aliases: [x],
  plugin: x,
  version: x,
  summary: x,
  serves: [x],
  variants: [x],
  installed: [x],
  integrity: x,
  source: 'installed',
  fault: x,
};

export const devices: Pick<Whole<HiveDevices>, 'devices' | 'notes'> = { devices: [device], notes: [x] };

export const plugin: Whole<PluginView> = {
  name: x,
  version: x,
  source: 'link',
  types: [x],
  variants: [x],
  installed: [x],
  root: x,
  integrity: x,
  publisher: x,
  registry: x,
  follows: x,
  scripts: [x],
  previous: x,
  changed: true,
};

export const pluginUpdate: Whole<PluginUpdate> = { name: x, from: x, to: x, changed: false, note: x, failed: true };

export const pluginPrune: Whole<PluginPrune> = { removed: [x], programs: [x], downloads: [x], bytes: 1 };

export const pluginHit: Whole<PluginHit> = {
  name: x,
  version: x,
  description: x,
  license: x,
  publisher: x,
  types: [{ type: x, variants: [x], serves: [x] }],
};

export const pluginDetails: Whole<PluginDetails> = {
  name: x,
  version: x,
  description: x,
  license: x,
  publisher: x,
  registry: x,
  integrity: x,
  signature: x,
  source: 'installed',
  root: x,
  types: [
    {
      type: x,
      aliases: [x],
      summary: x,
      serves: [x],
      variants: [{ id: x, installed: true, fits: false, reasons: [x] }],
      options: [{ name: x, type: x, default: x, description: x }],
      environment: [x],
    },
  ],
};

const check: Whole<SyncCheck> = { check: x, hive: x, state: 'failed', text: x, error, ms: 1 };

export const validation: Whole<ValidationReport> = { config: x, valid: false, checks: [check] };

export const sshTest: Whole<SshTestResult> = {
  hive: x,
  ok: false,
  hostname: x,
  port: 22,
  user: x,
  jumps: [x],
  hostKey: { type: x, fingerprint: x },
  authentication: x,
  platform: x,
  installed: x,
  roundTripMs: 1,
  checks: [check],
};

export const migration: Whole<MigrationResult> = { text: x, hives: 1, types: 1, workers: 1, notes: [x] };

export const hiveLogs: Whole<HiveLogs> = { hive: x, file: x, lines: [x] };

export const answer: Whole<InferResult> = {
  model: x,
  worker: x,
  text: x,
  finishReason: x,
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  firstTokenMs: 1,
  totalMs: 1,
  tokensPerSecond: 1,
};
