/** Builds everything that works on other machines. Loads SSH only once a machine is reached. */

import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { type HivesConf, hivesConfFile } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import type { FleetDrift } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { owner } from '../../gateway/access/caller.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import type { RegistryClient } from '../../plugins/fetch/registry-client.ts';
import { SshPool } from '../../ssh/pool.ts';
import { Uploads } from '../../ssh/upload/uploads.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { Bundles } from '../link/bundles.ts';
import { MachineStore } from '../link/machine-store.ts';
import { ModelDelivery } from '../provision/model-delivery.ts';
import { PluginDelivery } from '../provision/plugin-delivery.ts';
import { Provision } from '../provision/provision.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import type { LocalHive } from '../supervise/local-hive.ts';
import { RemoteHives } from '../supervise/remote-hives.ts';
import type { ChangeDeps } from '../workers/change.ts';
import { FleetSync } from './fleet-sync.ts';
import { KnownDrift } from './known-drift.ts';
import { Planner } from './planner.ts';

export interface MakeMachinesOptions {
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  fleet: Fleet;
  gateway: ChangeDeps['gateway'];
  localHive: LocalHive;
  secrets: QueenSecrets;
  logger: FastifyBaseLogger;
}

export interface Machines {
  sync: FleetSync;
  provision: Provision;
  hives: RemoteHives;
  /** The known differences between the fleet and hives.conf. */
  drift(): FleetDrift | undefined;
  /** Call this when a hive answers again: starts declared workers that it has lost. */
  cameBack(alias: string): void;
  close(): Promise<void>;
}

export const makeMachines = (options: MakeMachinesOptions): Machines => {
  const { paths, config, env, fleet, gateway, localHive, secrets, logger } = options;
  const pool = new SshPool({ env, runner: localRunner, timeoutMs: config.package.sshTimeout * 1_000 });
  const uploads = new Uploads();
  let fetcher: Promise<RegistryClient> | undefined;
  const loadClient = async (): Promise<RegistryClient> => {
    const { RegistryClient } = await import('../../plugins/fetch/registry-client.ts');
    const { url } = config.registry;
    return new RegistryClient({
      env,
      folder: paths.data,
      cacheFolder: paths.cache,
      ...(url !== null && { registry: url }),
    });
  };
  const shared = (): Promise<RegistryClient> => {
    fetcher ??= loadClient();
    return fetcher;
  };
  const bundles = new Bundles({ cache: paths.cache, fetcher: shared });
  const machineStore = new MachineStore(join(paths.state, 'machines.json'));
  const delivery = new PluginDelivery({ paths, config, env, fetcher: shared });
  const file = hivesConfFile(paths);
  const { isChosen } = paths;
  const drift = new KnownDrift({
    fleet,
    machineStore,
    // Runs in the background, so it must not wait for a network.
    resolve: (conf, signal) => planner.desired(conf, { offline: true }, { signal, narrate: () => {} }),
    log: (problem) => logger.warn({ err: problem }, 'cannot compare the fleet with hives.conf'),
  });
  const onFile = (conf: HivesConf | null): void => drift.follow(conf);
  const hives = new RemoteHives({
    fleet,
    pool,
    uploads,
    bundles,
    machineStore,
    secrets,
    logger,
    file,
    isChosen,
    onFile,
  });
  const onDesired: KnownDrift['learn'] = (conf, desired) => drift.learn(conf, desired);
  const provision = new Provision({
    fleet,
    remote: { get: (alias) => hives.get(alias), plugins: delivery, models: new ModelDelivery({ paths, env }) },
  });
  const working = { fleet, gateway, localHive, provision };
  const planning = { ...working, paths, config, hives, bundles, delivery, machineStore, secrets, onDesired };
  const planner = new Planner(planning);
  const sync = new FleetSync({ ...planning, planner });
  const closing = new AbortController();
  const cameBack = (alias: string): void => {
    if (!hives.get(alias)) return;
    const context: JobContext = {
      job: 'reconcile',
      caller: owner,
      signal: closing.signal,
      narrate: (event) => {
        if (event.kind === 'warning') logger.warn({ hive: alias, hint: event.hint }, event.text);
      },
      show: () => {},
      ask: async (question) => {
        throw RbeeError.of('CANCELLED', { what: `the question "${question}"` });
      },
    };
    sync.reconcile(alias, context).catch((error) => {
      if (!closing.signal.aborted)
        logger.warn({ hive: alias, err: error }, 'cannot start the workers that it has lost');
    });
  };
  const close = async (): Promise<void> => {
    closing.abort();
    drift.close();
    await hives.close();
    pool.close();
    await uploads.close();
    if (fetcher) (await fetcher.catch(() => null))?.close();
  };
  return { sync, provision, hives, drift: () => drift.view(), cameBack, close };
};
