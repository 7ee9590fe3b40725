/** Input and result types of each operation, for callers. */
import type { AuditEntry, KeyView } from '../../contract/api/access.ts';
import type { HiveDevices } from '../../contract/api/hive-api.ts';
import type { InferResult, ModelLoadResult, OperationInput, OperationName } from '../../contract/api/operations.ts';
import type { AbsentHive, FleetStatus, HiveCatalogEntry, HiveView } from '../../contract/api/queen-api.ts';
import type {
  DriftView,
  HiveLogs,
  MigrationResult,
  SshTestResult,
  SyncResult,
  ValidationReport,
} from '../../contract/api/sync.ts';
import type { ModelResults } from '../../contract/models.ts';
import type { PluginResults } from '../../contract/plugins.ts';
import type { SecretView } from '../../contract/secret-reference.ts';
import type { WorkerView } from '../../contract/worker.ts';

interface Results {
  status: FleetStatus;
  package_sync: SyncResult;
  package_install: SyncResult;
  package_status: DriftView;
  package_uninstall: SyncResult;
  package_validate: ValidationReport;
  package_migrate: MigrationResult;
  infer: InferResult;
  model_load: ModelLoadResult;
  model_unload: { workers: readonly WorkerView[] };
  model_download: ModelResults['download'];
  model_list: ModelList;
  model_get: ModelResults['get'];
  model_delete: ModelResults['delete'];
  model_verify: ModelResults['verify'];
  model_gc: ModelResults['gc'];
  queen_status: FleetStatus['queen'];
  hive_list: { hives: readonly HiveView[] };
  hive_get: HiveView;
  hive_status: HiveView;
  hive_start: HiveView;
  hive_stop: HiveView;
  hive_restart: HiveView;
  hive_ssh_test: SshTestResult;
  hive_logs: HiveLogs;
  hive_capabilities: HiveDevices;
  worker_spawn: WorkerView;
  worker_stop: WorkerView;
  worker_start: WorkerView;
  worker_restart: WorkerView;
  worker_sleep: WorkerView;
  worker_wake: WorkerView;
  worker_delete: WorkerView;
  worker_process_list: { workers: readonly WorkerView[] };
  worker_process_get: WorkerView;
  secret_set: SecretView;
  secret_list: { secrets: readonly SecretView[] };
  secret_delete: SecretView;
  worker_catalog_list: { types: readonly HiveCatalogEntry[] };
  worker_install: PluginResults['install'];
  worker_uninstall: PluginResults['uninstall'];
  worker_update: PluginResults['update'];
  worker_link: PluginResults['link'];
  worker_prune: PluginResults['prune'];
  worker_plugin_list: PluginResults['list'];
  worker_plugin_inspect: PluginResults['inspect'];
  worker_plugin_search: PluginResults['search'];
  key_create: KeyView;
  key_list: { keys: readonly KeyView[] };
  key_revoke: KeyView;
  key_rotate: KeyView;
  audit_list: { entries: readonly AuditEntry[] };
  worker_catalog_refresh: { types: readonly HiveCatalogEntry[]; absent?: readonly AbsentHive[] };
}

/** Models of hives; `absent` names hives that could not be asked. */
export type ModelList = ModelResults['list'] & { absent?: readonly AbsentHive[] };

export type OperationResult<Name extends OperationName> = Results[Name];

/** Every operation with its input and result. */
export type Operations = { [Name in OperationName]: { input: OperationInput<Name>; result: Results[Name] } };
