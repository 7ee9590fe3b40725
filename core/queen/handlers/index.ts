/** What the queen does for each operation, one row each. */
import { askEach } from '../fleet/each-hive.ts';
import type { Member } from '../fleet/member.ts';
import type { RunOperation } from '../jobs/jobs.ts';
import { deleteWorker, restartWorker, sleepWorker, startWorker, stopWorker, wakeWorker } from '../workers/change.ts';
import { spawnWorker } from '../workers/spawn.ts';
import { hiveLogs, hiveRestart, hiveSshTest, hiveStart, hiveStop, machinesOf } from './hives.ts';
import { infer } from './infer.ts';
import { loadModel, unloadModel } from './load-model.ts';
import { downloadModel, listModels, onModels } from './models.ts';
import { inspectPlugin, installPlugin, linkPlugin, onPlugins, searchPlugins, updatePlugins } from './plugins.ts';
import { deleteSecret, listSecrets, setSecret, withSecrets, withSecretsAgain } from './secrets.ts';
import type { Handler, Handlers, Parts } from './services.ts';
import { Serving } from './serving.ts';

export const makeHandlers = (parts: Parts): Handlers => {
  const { fleet, status } = parts;
  const serving = new Serving(parts);
  return {
    status: async () => status(),
    model_download: downloadModel(parts),
    model_list: listModels(parts),
    model_get: onModels(parts, 'get'),
    model_delete: onModels(parts, 'delete'),
    model_verify: onModels(parts, 'verify'),
    model_gc: onModels(parts, 'gc'),
    queen_status: async () => status().queen,
    hive_list: async () => ({ hives: fleet.hives() }),
    hive_get: async ({ hive }) => fleet.member(hive).views.hive,
    hive_status: async ({ hive }) => fleet.member(hive).views.hive,
    hive_start: hiveStart(parts),
    hive_stop: hiveStop(parts),
    hive_restart: hiveRestart(parts),
    hive_ssh_test: hiveSshTest(parts),
    hive_logs: hiveLogs(parts),
    package_sync: async (input, context) => machinesOf(parts).sync(input, context),
    package_install: async (input, context) => machinesOf(parts).install(input, context),
    package_status: async (input, context) => machinesOf(parts).status(input, context),
    package_uninstall: async (input, context) => machinesOf(parts).uninstall(input, context),
    package_validate: async (input, context) => machinesOf(parts).validate(input, context),
    package_migrate: async (input, context) => machinesOf(parts).migrate(input, context),
    hive_capabilities: ({ hive }, { signal }) => fleet.online(hive).connection.client.devices(signal),
    worker_spawn: withSecrets(parts, (input, context) => spawnWorker(parts, input, context)),
    worker_stop: (input, context) => stopWorker(parts, input, context),
    worker_start: withSecretsAgain<'worker_start'>(parts, (input, context) => startWorker(parts, input, context)),
    worker_restart: withSecretsAgain<'worker_restart'>(parts, (input, context) => restartWorker(parts, input, context)),
    worker_sleep: (input, context) => sleepWorker(parts, input, context),
    worker_wake: (name, { signal, narrate, job }) => wakeWorker(fleet, name, { signal, narrate, job }),
    worker_delete: (input, context) => deleteWorker(parts, input, context),
    worker_process_list: async ({ hive }) => ({ workers: fleet.workers(hive) }),
    worker_process_get: async (name) => fleet.worker(name),
    secret_set: setSecret(parts),
    secret_list: listSecrets(parts),
    secret_delete: deleteSecret(parts),
    worker_catalog_list: async ({ hive }) => ({ types: fleet.catalog(hive) }),
    worker_catalog_refresh: refreshCatalog(parts),
    worker_install: installPlugin(parts),
    worker_uninstall: onPlugins(parts, 'uninstall'),
    worker_update: updatePlugins(parts),
    worker_link: linkPlugin(parts),
    worker_prune: onPlugins(parts, 'prune'),
    worker_plugin_list: onPlugins(parts, 'list'),
    worker_plugin_inspect: inspectPlugin(parts),
    worker_plugin_search: searchPlugins(parts),
    infer: infer(parts, serving),
    model_load: loadModel(serving),
    model_unload: unloadModel(parts),
  };
};

/** The table as what runs a job. Input has been validated before. */
export const runOperation = (handlers: Handlers): RunOperation => {
  const table = handlers as Record<string, (input: unknown, context: Parameters<RunOperation>[2]) => Promise<unknown>>;
  return (operation, input, context) => table[operation]!(input, context);
};

const refreshCatalog =
  ({ fleet }: Parts): Handler<'worker_catalog_refresh'> =>
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
