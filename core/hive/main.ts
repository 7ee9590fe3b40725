/** The hive: runs the workers of one machine, inside the queen or as a separate process (`daemon.ts`). */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { localAlias } from '../config/hive-entry.ts';
import { machineId, type Paths } from '../config/paths.ts';
import { checkHome } from '../config/private-places.ts';
import type { RbeeConfig } from '../config/rbee-conf.ts';
import type { HealthBody, HiveState } from '../contract/api/hive-api.ts';
import { RbeeError } from '../contract/errors.ts';
import { nameInFolder } from '../contract/safe-path.ts';
import { defaultRetryPolicy } from '../download/retry.ts';
import { loadId } from '../lifecycle/fs/id-file.ts';
import { tryLock } from '../lifecycle/fs/instance-lock.ts';
import { watchLock } from '../lifecycle/fs/watch-lock.ts';
import { RunRecords } from '../lifecycle/process/run-records.ts';
import { stateMark } from '../lifecycle/system/marks.ts';
import { PortPool } from '../lifecycle/system/ports.ts';
import { sweepUnfinished } from '../lifecycle/system/sweep-unfinished.ts';
import { WorkerTypes } from '../plugins/worker-types.ts';
import { downloadCache } from '../programs/download-cache.ts';
import { SecretStore } from '../secrets/store.ts';
import { askPrograms, rememberAnswers } from './devices/ask.ts';
import { broughtSources } from './devices/brought-sources.ts';
import { Machine } from './machine.ts';
import { GgufHeaders } from './models/gguf/gguf-headers.ts';
import { Models } from './models/models.ts';
import { makePlugins } from './plugins/make-plugins.ts';
import { listenHive } from './server.ts';
import { StateFeed } from './state-feed.ts';
import { handleStateRemoved } from './state-removed.ts';
import { launchNeeds } from './workers/launch-plan.ts';
import { prepareLaunch } from './workers/prepare-launch.ts';
import { Workers } from './workers/workers.ts';

export interface HiveOptions {
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  version: string;
  logger: FastifyBaseLogger;
}

export interface Hive {
  /** Identifies this start; changes with each restart. */
  instance: string;
  /** Stops listening and leaves the workers running. */
  close(): Promise<void>;
}

/** Throws HIVE_BUSY when another process owns the hive of this state folder. */
export const startHive = async ({ paths, config, env, version, logger }: HiveOptions): Promise<Hive> => {
  for (const doubt of checkHome(paths)) logger.warn(doubt, 'other users can change what this hive does');
  await mkdir(paths.state, { recursive: true, mode: 0o700 });
  const lock = await tryLock(join(paths.state, 'hive.lock'));
  if (!lock) throw RbeeError.of('HIVE_BUSY', { path: paths.state });
  const secretsFolder = join(paths.state, 'secrets');
  const sweep = () => sweepUnfinished(paths.state, paths.runs, paths.logs, secretsFolder);
  await sweep();

  const health: HealthBody = {
    status: 'ok',
    name: 'hive',
    version,
    pid: process.pid,
    instance: randomUUID(),
    startedAt: new Date().toISOString(),
  };
  const feed = new StateFeed(() => state());
  // On another machine it has its name from hives.conf, and the queen delivers its plugins.
  const alias = env['RBEE_HIVE_NAME'] || localAlias;
  const ask = askPrograms(env);
  const types = new WorkerTypes(paths.data, () => {
    feed.changed();
    // A new plugin may add device kinds.
    if (types.broughtKinds().length > 0) void machine.measure();
  });
  const machine = new Machine(ask, feed.changed, () => broughtSources(types));
  const fetcher = downloadCache(env);
  const { plugins, ...installing } = makePlugins({
    hive: alias,
    paths,
    config,
    env,
    isRemote: env['RBEE_HIVE_REMOTE'] === '1',
    fetcher,
    types,
    machine,
    workers: () => workers,
  });
  const headers = new GgufHeaders({ folder: join(paths.cache, 'gguf-headers') });
  const models = new Models({
    hive: alias,
    data: paths.data,
    runs: paths.runs,
    env,
    types,
    retry: defaultRetryPolicy,
    headers,
  });
  // A spawn asks programs the same questions as the check of its needs just before.
  const launching = { hive: alias, types, models, machine, ask: rememberAnswers(ask), env, folders: paths };
  const workers: Workers = new Workers({
    hive: alias,
    hiveSocket: paths.hiveSocket,
    env,
    state: stateMark(paths.state),
    records: new RunRecords(paths.runs),
    secretStore: new SecretStore(secretsFolder),
    // On another machine the queen decides: it connects to no other ports.
    ports: new PortPool(env['RBEE_HIVE_WORKER_PORTS'] || config.hive.workerPorts),
    handleOf: (draft) => types.reopen(draft.pluginRoot, draft.type, draft.plugin),
    logFileOf: (id) => nameInFolder(paths.logs, `worker-${id}.log`),
    onChange: feed.changed,
    onProblem: (message, error) => (error === undefined ? logger.warn(message) : logger.error({ err: error }, message)),
    prepare: (spec, context) => prepareLaunch(spec, { ...launching, ...context }),
    needs: (spec, context) => launchNeeds(spec, { ...launching, ...context }),
  });
  const state = (): HiveState => ({
    machineId: machineId(),
    hostname: hostname(),
    version,
    build: env['RBEE_HIVE_BUILD'] ?? null,
    pid: health.pid,
    instance: health.instance,
    startedAt: health.startedAt,
    devices: machine.devices,
    memory: machine.memory,
    cpu: machine.cpu,
    catalog: types.list(),
    workers: workers.list(),
  });

  await types.start();
  machine.start();
  await workers.start();
  feed.start();
  const server = await listenHive({
    hive: alias,
    socketPath: paths.hiveSocket,
    health,
    state,
    feed,
    machine,
    types,
    workers,
    plugins,
    models,
    logger,
    port: env['RBEE_HIVE_PORT']
      ? { port: Number(env['RBEE_HIVE_PORT']), token: await loadHiveToken(paths.state) }
      : null,
  });
  logger.info({ workers: workers.list().length, types: types.list().length }, 'the hive is ready');

  const endWatch = await watchLock(lock, () => void handleStateRemoved({ state: paths.state, workers, logger }));

  const close = async (): Promise<void> => {
    endWatch();
    feed.close();
    await server.close();
    await workers.close();
    installing.close();
    machine.close();
    types.close();
    await sweep();
    lock.release();
  };
  return { instance: health.instance, close };
};

/** Callers of the hive's port must present this token. */
const loadHiveToken = (state: string): Promise<string> =>
  loadId({
    file: join(state, 'hive.token'),
    pattern: /^[0-9a-f]{64}$/,
    make: () => randomBytes(32).toString('hex'),
  });
