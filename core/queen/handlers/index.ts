/** The handlers of all operations, one row each. */
import { askEach } from '../fleet/each-hive.ts';
import type { Member } from '../fleet/member.ts';
import type { RunOperation } from '../jobs/jobs.ts';
import { deleteWorker, restartWorker, sleepWorker, startWorker, stopWorker, wakeWorker } from '../workers/change.ts';
import { spawnWorker } from '../workers/spawn.ts';
import { hiveLogs, hiveRestart, hiveSshTest, hiveStart, hiveStop, machinesOf } from './hives.ts';
import { infer } from './infer.ts';
import { createKey, listAudit, listKeys, revokeKey, rotateKey } from './keys.ts';
import { knownOnly } from './known-only.ts';
import { loadModel, unloadModel } from './load-model.ts';
import { downloadModel, listModels, onModels } from './models.ts';
import { inspectPlugin, installPlugin, linkPlugin, onPlugins, searchPlugins, updatePlugins } from './plugins.ts';
import { deleteSecret, listSecrets, setSecret, withSecrets, withWorkerSecrets } from './secrets.ts';
import type { Handler, Handlers, QueenServices } from './services.ts';
import { Serving } from './serving.ts';

export const makeHandlers = (services: QueenServices): Handlers => {
  const { fleet, status } = services;
  const serving = new Serving(services);
  return {
    status: async () => status(),
    model_download: downloadModel(services),
    model_list: listModels(services),
    model_get: onModels(services, 'get'),
    model_delete: onModels(services, 'delete'),
    model_verify: onModels(services, 'verify'),
    model_gc: onModels(services, 'gc'),
    queen_status: async () => status().queen,
    hive_list: async () => ({ hives: fleet.hives() }),
    hive_get: async ({ hive }) => fleet.member(hive).views.hive,
    hive_status: async ({ hive }) => fleet.member(hive).views.hive,
    hive_start: hiveStart(services),
    hive_stop: hiveStop(services),
    hive_restart: hiveRestart(services),
    hive_ssh_test: hiveSshTest(services),
    hive_logs: hiveLogs(services),
    package_sync: async (input, context) => machinesOf(services).sync.sync(input, context),
    package_install: async (input, context) => machinesOf(services).sync.install(input, context),
    package_status: async (input, context) => machinesOf(services).sync.status(input, context),
    package_uninstall: async (input, context) => machinesOf(services).sync.uninstall(input, context),
    package_validate: async (input, context) => machinesOf(services).sync.validate(input, context),
    package_migrate: async (input, context) => machinesOf(services).sync.migrate(input, context),
    hive_capabilities: ({ hive }, { signal }) => fleet.online(hive).connection.client.devices(signal),
    worker_spawn: knownOnly(
      services,
      withSecrets(services, (input, context) => spawnWorker(services, input, context)),
    ),
    worker_stop: (input, context) => stopWorker(services, input, context),
    worker_start: withWorkerSecrets<'worker_start'>(services, (input, context) =>
      startWorker(services, input, context),
    ),
    worker_restart: withWorkerSecrets<'worker_restart'>(services, (input, context) =>
      restartWorker(services, input, context),
    ),
    worker_sleep: (input, context) => sleepWorker(services, input, context),
    worker_wake: (name, { signal, narrate, job }) => wakeWorker(fleet, name, { signal, narrate, job }),
    worker_delete: (input, context) => deleteWorker(services, input, context),
    worker_process_list: async ({ hive }) => ({ workers: fleet.workers(hive) }),
    worker_process_get: async (name) => fleet.worker(name),
    secret_set: setSecret(services),
    secret_list: listSecrets(services),
    secret_delete: deleteSecret(services),
    worker_catalog_list: async ({ hive }) => ({ types: fleet.catalog(hive) }),
    worker_catalog_refresh: refreshCatalog(services),
    worker_install: installPlugin(services),
    worker_uninstall: onPlugins(services, 'uninstall'),
    worker_update: updatePlugins(services),
    worker_link: linkPlugin(services),
    worker_prune: onPlugins(services, 'prune'),
    worker_plugin_list: onPlugins(services, 'list'),
    worker_plugin_inspect: inspectPlugin(services),
    worker_plugin_search: searchPlugins(services),
    infer: knownOnly(services, infer(services, serving)),
    model_load: knownOnly(services, loadModel(serving)),
    model_unload: unloadModel(services),
    key_create: createKey(services),
    key_list: listKeys(services),
    key_revoke: revokeKey(services),
    key_rotate: rotateKey(services),
    audit_list: listAudit(services),
  };
};

/** Runs the handler of an operation. Its input is already validated. */
export const runOperation = (handlers: Handlers): RunOperation => {
  const table = handlers as Record<string, (input: unknown, context: Parameters<RunOperation>[2]) => Promise<unknown>>;
  return (operation, input, context) => table[operation]!(input, context);
};

const refreshCatalog =
  ({ fleet }: QueenServices): Handler<'worker_catalog_refresh'> =>
  async ({ hive }, { narrate, signal }) => {
    const refresh = async ({ connection: { alias, client } }: Member) => {
      const types = await client.refreshCatalog(signal);
      narrate({ kind: 'info', text: `${types.length} worker types on hive ${alias}`, on: `hive ${alias}` });
      return types.map((entry) => ({ ...entry, hive: alias }));
    };
    const { answers, absent } = await askEach(fleet, hive, refresh, signal);
    for (const { reason } of absent) narrate({ kind: 'warning', text: `left out: ${reason}` });
    return { types: answers.flat(), ...(absent.length > 0 && { absent }) };
  };
