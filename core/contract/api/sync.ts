/**
 * Syncing machines with one file: what `hives.conf` declares, what was observed, the steps between the two, and their
 * results. Everything here is plain data: printed, sent as JSON, and stored in the journal of a sync.
 */
import type { ErrorBody } from '../errors.ts';
import type { WorkerSpec } from '../worker.ts';

// What hives.conf declares.

/** One validated `[[hive]]` of `hives.conf` with its defaults. Absent values are null, absent lists empty. */
export interface HiveDeclaration {
  /** The user's name for the machine. `local` is the queen's own machine, which takes no SSH settings. */
  alias: string;
  /** Name or address to connect to; `localhost` for `local`. `~/.ssh/config` applies to it. */
  hostname: string;
  /** Null: taken from `~/.ssh/config`, else the user who runs the queen. */
  sshUser: string | null;
  /** Null: taken from `~/.ssh/config`, else 22. */
  sshPort: number | null;
  /** Loopback port of the hive on that machine, for when its socket cannot be used. */
  hivePort: number;
  /** Ports that its workers listen on, `first-last`. The queen connects to no worker on any other port. */
  workerPorts: string;
  /** Whether the queen starts the hive whenever the machine is reachable. */
  autoStart: boolean;
  /** Absolute, or starting with `~/`. */
  identityFile: string | null;
  /** Another alias of the file, or `[user@]host[:port]`. Several, separated by commas, are traversed in that order. */
  proxyJump: string | null;
  labels: Readonly<Record<string, string>>;
  /** Worker types that the machine should have. */
  workers: readonly DeclaredType[];
  /** Models that should be on its disk, as references for `rbee model download`. */
  models: readonly string[];
  /** Workers that should be running. */
  run: readonly DeclaredRun[];
  /** Line of its `[[hive]]` in the file. */
  line: number;
}

export interface DeclaredType {
  /** The type's name as the plugin spells it: `llama-cpp` and `llama.cpp` become `llamacpp`. */
  type: string;
  /** Version, range or tag. */
  version: string;
  /** Null: the best one for the machine. */
  variant: string | null;
  /** Its line in the file; for a type that only a worker needs, that worker's line. */
  line: number;
}

/** One entry of `run`: `replicas` identical workers. */
export interface DeclaredRun {
  type: string;
  /**
   * The worker's id, or with several replicas the common prefix of their ids. Null: derived from alias, type and model.
   */
  id: string | null;
  /** Name under which the model is served. */
  name: string | null;
  model: string | null;
  variant: string | null;
  device: string | null;
  replicas: number;
  options: Readonly<Record<string, unknown>>;
  environment: Readonly<Record<string, string>>;
  components: Readonly<Record<string, string>>;
  restart: WorkerSpec['restart'] | null;
  /** Bytes. */
  memoryLimit: number | null;
  cpuLimit: number | null;
  /** Its line in the file. */
  line: number;
}

// The desired state.

/** The desired state of a hive: its declaration with all versions resolved and all workers named. */
export interface DesiredHive {
  alias: string;
  /** The build to install (`<core version>-<hash8>`); null for `local`, which is installed by hand. */
  version: string | null;
  autoStart: boolean;
  types: readonly DesiredType[];
  models: readonly string[];
  workers: readonly DesiredWorker[];
  /** Types whose version could not be resolved: nothing that depends on them is changed. */
  unresolved: readonly { type: string; error: ErrorBody }[];
}

export interface DesiredType {
  type: string;
  /** npm package that provides it. */
  package: string;
  version: string;
  /** `sha512-…`; null for a linked or development plugin. */
  integrity: string | null;
  variant: string | null;
}

export interface DesiredWorker {
  /** Stable across syncs, unique in the fleet. */
  id: string;
  /** Replicas of one entry have the same group; they are replaced one at a time, so that some can always answer. */
  group: string;
  /** Fingerprint of the declaration. */
  declaration: string;
  /** The request to the hive; has `id` and `declaration`. */
  spec: WorkerSpec;
}

// The observed state.

/** The observed state of a machine. */
export interface ObservedHive {
  alias: string;
  hostname: string;
  /**
   * `absent`: rbee is not installed there. `stopped`: installed, but not running. `online`: answers. `unreachable`:
   * nothing is known; `error` says why.
   */
  status: 'absent' | 'stopped' | 'online' | 'unreachable';
  error: ErrorBody | null;
  /** The build that `current` points to; null if nothing is installed. */
  version: string | null;
  /** `linux-x64`; null if unknown. */
  platform: string | null;
  /** Whether the lists below are complete. False for a stopped hive, if only its daemon knows the rest. */
  complete: boolean;
  types: readonly ObservedType[];
  models: readonly ObservedModel[];
  workers: readonly ObservedWorker[];
}

export interface ObservedType {
  type: string;
  package: string;
  version: string;
  integrity: string | null;
  /** Installed variants. */
  variants: readonly string[];
  /** A linked folder or development plugin is someone's work in progress: any version of it is accepted. */
  source: 'development' | 'link' | 'installed';
  /** Why it is unusable; null if it is usable. */
  fault: string | null;
}

export interface ObservedModel {
  /** The reference by which it was requested. */
  model: string;
  complete: boolean;
}

export interface ObservedWorker {
  id: string;
  type: string;
  state: string;
  pluginVersion: string;
  /** Null if it was not declared. */
  declaration: string | null;
  /** The spec it was spawned with; null from older hives. */
  spec: WorkerSpec | null;
  /** Name under which its model is served; null for a worker without a model. */
  name: string | null;
}

/** A machine that the queen knows from earlier, but `hives.conf` no longer lists. */
export interface RememberedHive {
  alias: string;
  hostname: string;
}

// The steps between.

/** Why a worker is started. */
export type StartReason = 'missing' | 'stopped' | 'failed';
/**
 * Why a worker is replaced: its declaration changed, its plugin changed, or (`taken`) a different worker has its id.
 */
export type ReplaceReason = 'declaration' | 'version' | 'taken';

/** One thing to do on one hive. */
export type SyncStep =
  /**
   * Installs rbee next to the current build, switches to it, starts it if `start` is true, and rolls back if it does
   * not become healthy.
   */
  | { kind: 'install_hive'; from: string | null; to: string; start: boolean }
  | { kind: 'start_hive' }
  | {
      kind: 'install_worker';
      type: string;
      package: string;
      version: string;
      integrity: string | null;
      variant: string | null;
      /** The version that is replaced; null if there is none, the same version if only the variant is missing. */
      from: string | null;
      /** Already as declared; reinstalled only because of `force`. */
      again?: true;
    }
  | { kind: 'download_model'; model: string }
  /** Spawns it, or restarts an existing worker that is `stopped` or `failed`. */
  | { kind: 'start_worker'; worker: string; group: string; spec: WorkerSpec; because: StartReason }
  /** Drains and deletes the worker, then spawns it again. */
  | { kind: 'replace_worker'; worker: string; group: string; spec: WorkerSpec; because: ReplaceReason }
  | { kind: 'delete_worker'; worker: string; type: string }
  | { kind: 'uninstall_worker'; type: string; package: string; version: string }
  /**
   * Stops and deletes its workers, then stops and uninstalls it; with `purge`, also removes its models, plugins and
   * logs.
   */
  | { kind: 'uninstall_hive'; purge: boolean };

export type SyncStepKind = SyncStep['kind'];

/** Something that exists but is not declared. Only `--remove-extra` removes it. */
export type Extra =
  | { kind: 'hive' }
  | { kind: 'worker_type'; type: string; package: string; version: string }
  | { kind: 'worker'; worker: string; type: string };

export interface HivePlan {
  alias: string;
  hostname: string;
  status: ObservedHive['status'];
  /** In order: hive, worker types, models, workers to remove, workers to start, worker types to remove. */
  steps: readonly SyncStep[];
  extra: readonly Extra[];
  /** Problems that no step can fix, such as an unreachable machine or a taken id. */
  problems: readonly ErrorBody[];
  /** False if the hive must be running before the rest can be known; the sync then plans again. */
  complete: boolean;
  /** Number of worker types, models and workers already as declared. */
  fine: number;
}

export interface SyncPlan {
  /** The file that was read. */
  config: string;
  hives: readonly HivePlan[];
  /** Total number of steps. */
  steps: number;
  /** True if there are no steps and no problems. */
  inSync: boolean;
}

// The results.

export interface StepReport {
  step: SyncStep;
  /** `skipped`: something it depends on failed, or the sync was cancelled first. */
  state: 'done' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  error: ErrorBody | null;
  /** Number of attempts. */
  attempts: number;
  ms: number;
}

export interface HiveReport {
  alias: string;
  hostname: string;
  /** `unchanged`: nothing to do. `partly`: some steps succeeded. */
  state: 'unchanged' | 'done' | 'partly' | 'failed' | 'cancelled';
  steps: readonly StepReport[];
  /** The problem that blocked the whole hive: it is unreachable, or another sync is working on it. */
  problems: readonly ErrorBody[];
  ms: number;
  /** The command that retries the remaining steps; null if none remain. */
  retry: string | null;
}

export interface SyncReport {
  config: string;
  hives: readonly HiveReport[];
  counts: { hives: number; unchanged: number; done: number; failed: number; skipped: number };
  /** Some steps failed and some succeeded: exit code 3. If nothing succeeded, `failed` is true instead. */
  partial: boolean;
  failed: boolean;
  cancelled: boolean;
  startedAt: string;
  ms: number;
  /** The command that retries the remaining steps; null if everything is done. */
  retry: string | null;
}

/** Result of `package_sync`, `package_install` and `package_uninstall`; `report` is null with `dryRun`. */
export interface SyncResult {
  plan: SyncPlan;
  report: SyncReport | null;
}

/** Result of `package_status`: how the fleet differs from `hives.conf`. */
export interface DriftView {
  /** The file that was read. */
  config: string;
  /** Whether the file exists. Without it, nothing is declared and nothing drifts. */
  declared: boolean;
  inSync: boolean;
  hives: readonly HiveDrift[];
  counts: { hives: number; inSync: number; drifted: number; unreachable: number; undeclared: number; steps: number };
  /** When it was checked; ISO 8601. */
  at: string;
}

/** A summary from what the queen already knows, without contacting machines. Part of `FleetStatus`. */
export type FleetDrift = Pick<DriftView, 'config' | 'inSync' | 'counts' | 'at'> & {
  hives: readonly Omit<HiveDrift, 'plan'>[];
};

export interface HiveDrift {
  alias: string;
  hostname: string;
  state: 'in-sync' | 'drifted' | 'unreachable' | 'undeclared';
  /** A summary of the difference: `2 workers to start, llamacpp 1.0.0 → 1.1.0`. */
  summary: string;
  plan: HivePlan;
}

// Other results.

/** One check made by `package_validate` or `hive_ssh_test`. */
export interface SyncCheck {
  /** Identifies the check to programs: `file`, `types`, `dns`, `ssh`, `platform`, `disk`, … */
  check: string;
  /** Null if it concerns the whole file. */
  hive: string | null;
  state: 'ok' | 'warning' | 'failed' | 'skipped';
  /** The finding, in one sentence. */
  text: string;
  error: ErrorBody | null;
  ms: number;
}

export interface ValidationReport {
  config: string;
  valid: boolean;
  checks: readonly SyncCheck[];
}

export interface MigrationResult {
  /** The complete text of a `hives.conf`. */
  text: string;
  hives: number;
  types: number;
  workers: number;
  /** What could not be expressed in the file, and why. */
  notes: readonly string[];
}

export interface SshTestResult {
  hive: string;
  ok: boolean;
  /** As resolved with `~/.ssh/config`. */
  hostname: string;
  port: number;
  user: string;
  /** Jump hosts used, nearest first. */
  jumps: readonly string[];
  /** Null if the test did not get that far. */
  hostKey: { type: string; fingerprint: string } | null;
  /** `agent`, `key ~/.ssh/id_ed25519`. */
  authentication: string | null;
  platform: string | null;
  /** The rbee version installed there. */
  installed: string | null;
  /** Round-trip time over the open connection. */
  roundTripMs: number | null;
  checks: readonly SyncCheck[];
}

export interface HiveLogs {
  hive: string;
  file: string;
  lines: readonly string[];
}
