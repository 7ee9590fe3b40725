/** What the queen can do with the machines of `hives.conf`, each call a job of its own. */
import type { ModelRequestOf } from '../../contract/models.ts';
import type { OperationInput } from '../../contract/operations.ts';
import type {
  DriftView,
  HiveLogs,
  MigrationResult,
  SshTestResult,
  SyncResult,
  ValidationReport,
} from '../../contract/sync.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { BringRequest } from './delivery.ts';

type Input<Name extends 'sync' | 'install' | 'status' | 'uninstall' | 'validate' | 'migrate'> =
  OperationInput<`package_${Name}`>;

/**
 * Everything here ends soon after `context.signal` is aborted, and leaves no machine half-changed that the next sync could
 * not go on with. Host keys and passphrases are asked through `context.ask`.
 */
export interface Machines {
  /** Throws only what concerns all machines: NO_HIVES_CONF, CONFIG_INVALID, HIVE_NOT_DECLARED, SYNC_NOTHING_TO_RETRY. */
  sync(input: Input<'sync'>, context: JobContext): Promise<SyncResult>;
  /** The same without removals. */
  install(input: Input<'install'>, context: JobContext): Promise<SyncResult>;
  /** Changes nothing, and holds no lease. Without a `hives.conf` nothing is declared and nothing drifts. */
  status(input: Input<'status'>, context: JobContext): Promise<DriftView>;
  uninstall(input: Input<'uninstall'>, context: JobContext): Promise<SyncResult>;
  /** A file that is wrong is a failed check, not an error. */
  validate(input: Input<'validate'>, context: JobContext): Promise<ValidationReport>;
  migrate(input: Input<'migrate'>, context: JobContext): Promise<MigrationResult>;
  /** Brings a plugin to a hive over SSH, built here for its machine. Throws what fetching, building and its hive say. */
  bring(hive: string, request: BringRequest, context: JobContext): Promise<{ name: string }>;
  /** Brings what a hive lacks of a model to where its next download finds it. Throws what fetching and its hive say. */
  bringModel(hive: string, request: ModelRequestOf<'download'>, context: JobContext): Promise<void>;
  /** The version that a plugin would be brought in. */
  resolve(
    plugin: string,
    options: { offline?: boolean; update?: boolean },
    context: JobContext,
  ): Promise<{ version: string }>;
  /** Does the queen's machine have this package, or a version of it in rbee.lock? */
  knows(plugin: string): Promise<boolean>;
  /** Is this hive on a machine that is reached over SSH? */
  has(hive: string): boolean;
  /** Waits until the hive answers. Throws HIVE_NOT_FOUND, START_FAILED, and why the machine cannot be reached. */
  start(input: OperationInput<'hive_start'>, context: JobContext): Promise<void>;
  /** Workers go on. */
  stop(input: OperationInput<'hive_stop'>, context: JobContext): Promise<void>;
  restart(input: OperationInput<'hive_restart'>, context: JobContext): Promise<void>;
  /** Why a machine cannot be reached is told in the result. */
  sshTest(input: OperationInput<'hive_ssh_test'>, context: JobContext): Promise<SshTestResult>;
  logs(input: OperationInput<'hive_logs'>, context: JobContext): Promise<HiveLogs>;
}
