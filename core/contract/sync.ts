/**
 * Many machines from one file: what `hives.conf` declares, what is there, the steps between the two, and what became of
 * them. Everything here is plain data: it is printed, sent as JSON, and kept in the journal of a sync.
 */
import type { ErrorBody } from './errors.ts';
import type { WorkerSpec } from './worker.ts';

// What hives.conf declares.

/** One `[[hive]]` of `hives.conf`, checked and with its defaults. Absent values are null, absent lists empty. */
export interface HiveDeclaration {
  /** How people name the machine; `local` is the queen's own, which takes no SSH settings. */
  alias: string;
  /** Name or address that is dialed; `localhost` for `local`. What `~/.ssh/config` says of it holds. */
  hostname: string;
  /** Null where `~/.ssh/config`, or else the user who runs the queen, decides. */
  sshUser: string | null;
  /** Null where `~/.ssh/config`, or else 22, decides. */
  sshPort: number | null;
  /** Loopback port of the hive on that machine, where its socket cannot be used. */
  hivePort: number;
  /** Ports that its workers listen on there, `first-last`. The queen asks no worker on any other. */
  workerPorts: string;
  /** Is the hive started again by the queen whenever the machine answers? */
  autoStart: boolean;
  /** Absolute, or beginning with `~/`. */
  identityFile: string | null;
  /** Another alias of the file, or `[user@]host[:port]`; several, comma-separated, are passed in that order. */
  proxyJump: string | null;
  labels: Readonly<Record<string, string>>;
  /** Worker types that the machine should have. */
  workers: readonly DeclaredType[];
  /** Models that should be on its disk: references as `rbee model download` takes them. */
  models: readonly string[];
  /** Workers that should be running. */
  run: readonly DeclaredRun[];
  /** Line of its `[[hive]]` in the file. */
  line: number;
}

export interface DeclaredType {
  /** Name of the type as the plugin gives it: `llama-cpp` and `llama.cpp` have become `llamacpp`. */
  type: string;
  /** Version, range or tag. */
  version: string;
  /** Null takes the best one for the machine. */
  variant: string | null;
  /** Where it stands in the file; of a type that only a worker needs, the line of that worker. */
  line: number;
}

/** One entry of `run`: `replicas` workers that are alike. */
export interface DeclaredRun {
  type: string;
  /** Id of the worker, and with more replicas the beginning of the others'; made from alias, type and model when null. */
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
  /** Where it stands in the file. */
  line: number;
}

// What should be.

/** A hive as it should be: its declaration with every version resolved and every worker named. */
export interface DesiredHive {
  alias: string;
  /** What to install on the machine (`<core version>-<hash8>`); null for `local`, which is installed by hand. */
  version: string | null;
  autoStart: boolean;
  types: readonly DesiredType[];
  models: readonly string[];
  workers: readonly DesiredWorker[];
  /** Types whose version could not be found out: nothing that hangs on them is changed. */
  unresolved: readonly { type: string; error: ErrorBody }[];
}

export interface DesiredType {
  type: string;
  /** npm package that brings it. */
  package: string;
  version: string;
  /** `sha512-…`; null for a linked or development plugin. */
  integrity: string | null;
  variant: string | null;
}

export interface DesiredWorker {
  /** Stable across syncs, unique in the fleet. */
  id: string;
  /** Replicas of one entry; they are replaced one after another, so that some always answer. */
  group: string;
  /** Fingerprint of what was declared. */
  declaration: string;
  /** What the hive is asked for; has `id` and `declaration`. */
  spec: WorkerSpec;
}

// What is there.

/** A machine as it was found. */
export interface ObservedHive {
  alias: string;
  hostname: string;
  /**
   * `absent`: nothing of rbee is installed there. `stopped`: installed, does not run. `online`: answers.
   * `unreachable`: nothing is known, and `error` says why.
   */
  status: 'absent' | 'stopped' | 'online' | 'unreachable';
  error: ErrorBody | null;
  /** What `current` names there; null where nothing is installed. */
  version: string | null;
  /** `linux-x64`; null where it is not known. */
  platform: string | null;
  /** Are the lists below all there is? False for a stopped hive that only its daemon could tell of. */
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
  /** Variants that are there. */
  variants: readonly string[];
  /** A linked folder or a development plugin is what someone works on there: any version of it will do. */
  source: 'development' | 'link' | 'installed';
  /** Why it cannot be used, if so. */
  fault: string | null;
}

export interface ObservedModel {
  /** Reference under which it was asked for. */
  model: string;
  complete: boolean;
}

export interface ObservedWorker {
  id: string;
  type: string;
  state: string;
  pluginVersion: string;
  /** Null when it was not declared. */
  declaration: string | null;
  /** What was asked for when it was spawned; null where the hive does not tell. */
  spec: WorkerSpec | null;
  /** Name under which its model is served; null for a type without one. */
  name: string | null;
}

/** A machine that the queen knows from earlier and that `hives.conf` no longer names. */
export interface RememberedHive {
  alias: string;
  hostname: string;
}

// The steps between.

/** Why a worker is started. */
export type StartReason = 'missing' | 'stopped' | 'failed';
/** Why a worker is replaced: what is declared changed, its plugin did, or (`taken`) a worker of another kind has its id. */
export type ReplaceReason = 'declaration' | 'version' | 'taken';

/** One thing to do on one hive. */
export type SyncStep =
  /** Installs rbee beside what is there, switches, starts it when `start`, and goes back if it does not become healthy. */
  | { kind: 'install_hive'; from: string | null; to: string; start: boolean }
  | { kind: 'start_hive' }
  | {
      kind: 'install_worker';
      type: string;
      package: string;
      version: string;
      integrity: string | null;
      variant: string | null;
      /** The version that goes; null where there is none, the same where only the variant is missing. */
      from: string | null;
      /** It is as it should be, and only installed since `force` asks for it. */
      again?: true;
    }
  | { kind: 'download_model'; model: string }
  /** Spawns it, or starts again what stands there `stopped` or `failed`. */
  | { kind: 'start_worker'; worker: string; group: string; spec: WorkerSpec; because: StartReason }
  /** Drains and deletes the worker, then spawns it again. */
  | { kind: 'replace_worker'; worker: string; group: string; spec: WorkerSpec; because: ReplaceReason }
  | { kind: 'delete_worker'; worker: string; type: string }
  | { kind: 'uninstall_worker'; type: string; package: string; version: string }
  /** Stops and deletes its workers, stops it, removes it from the machine; with `purge` its models, plugins and logs too. */
  | { kind: 'uninstall_hive'; purge: boolean };

export type SyncStepKind = SyncStep['kind'];

/** Something that is there and not declared. Only `--remove-extra` removes it. */
export type Extra =
  | { kind: 'hive' }
  | { kind: 'worker_type'; type: string; package: string; version: string }
  | { kind: 'worker'; worker: string; type: string };

export interface HivePlan {
  alias: string;
  hostname: string;
  status: ObservedHive['status'];
  /** In order: hive, worker types, models, workers that go, workers that come, worker types that go. */
  steps: readonly SyncStep[];
  extra: readonly Extra[];
  /** Problems that no step can fix: the machine does not answer, an id is taken. */
  problems: readonly ErrorBody[];
  /** False where the hive must run before the rest can be known; the sync plans again once it does. */
  complete: boolean;
  /** Worker types, models and workers that are already as declared. */
  fine: number;
}

export interface SyncPlan {
  /** The file that was read. */
  config: string;
  hives: readonly HivePlan[];
  /** Steps in all. */
  steps: number;
  /** Nothing to do, and no problems. */
  inSync: boolean;
}

// What became of them.

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
  /** `unchanged`: there was nothing to do. `partly`: some steps are done. */
  state: 'unchanged' | 'done' | 'partly' | 'failed' | 'cancelled';
  steps: readonly StepReport[];
  /** What stood in the way of the hive as a whole: it does not answer, another sync works on it. */
  problems: readonly ErrorBody[];
  ms: number;
  /** The command that retries the rest; null if nothing is left. */
  retry: string | null;
}

export interface SyncReport {
  config: string;
  hives: readonly HiveReport[];
  counts: { hives: number; unchanged: number; done: number; failed: number; skipped: number };
  /** Something failed and something did not: exit code 3. When nothing succeeded, `failed` is true instead. */
  partial: boolean;
  failed: boolean;
  cancelled: boolean;
  startedAt: string;
  ms: number;
  /** The command that retries the rest; null if everything is done. */
  retry: string | null;
}

/** What `package_sync`, `package_install` and `package_uninstall` give; `report` is null with `dryRun`. */
export interface SyncResult {
  plan: SyncPlan;
  report: SyncReport | null;
}

/** What `package_status` gives: how the fleet differs from `hives.conf`. */
export interface DriftView {
  /** The file that was read. */
  config: string;
  /** Whether the file exists. Without it, nothing is declared and nothing drifts. */
  declared: boolean;
  inSync: boolean;
  hives: readonly HiveDrift[];
  counts: { hives: number; inSync: number; drifted: number; unreachable: number; undeclared: number; steps: number };
  /** When it was looked at; ISO 8601. */
  at: string;
}

/** The same in few words, from what the queen knows already: no machine is looked at for it. Part of `FleetStatus`. */
export type FleetDrift = Pick<DriftView, 'config' | 'inSync' | 'counts' | 'at'> & {
  hives: readonly Omit<HiveDrift, 'plan'>[];
};

export interface HiveDrift {
  alias: string;
  hostname: string;
  state: 'in-sync' | 'drifted' | 'unreachable' | 'undeclared';
  /** The difference in a few words: `2 workers to start, llamacpp 1.0.0 → 1.1.0`. */
  summary: string;
  plan: HivePlan;
}

// Beside a sync.

/** One thing that `package_validate` or `hive_ssh_test` looked at. */
export interface SyncCheck {
  /** `file`, `types`, `dns`, `ssh`, `platform`, `disk`, …: for programs. */
  check: string;
  /** Null where it is about the file as a whole. */
  hive: string | null;
  state: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found, in one sentence. */
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
  /** A whole `hives.conf`. */
  text: string;
  hives: number;
  types: number;
  workers: number;
  /** What could not be written down, and why. */
  notes: readonly string[];
}

export interface SshTestResult {
  hive: string;
  ok: boolean;
  /** As resolved with `~/.ssh/config`. */
  hostname: string;
  port: number;
  user: string;
  /** Jump hosts on the way, nearest first. */
  jumps: readonly string[];
  /** Null where it did not come that far. */
  hostKey: { type: string; fingerprint: string } | null;
  /** `agent`, `key ~/.ssh/id_ed25519`. */
  authentication: string | null;
  platform: string | null;
  /** rbee that is installed there. */
  installed: string | null;
  /** A round trip over the open connection. */
  roundTripMs: number | null;
  checks: readonly SyncCheck[];
}

export interface HiveLogs {
  hive: string;
  file: string;
  lines: readonly string[];
}
