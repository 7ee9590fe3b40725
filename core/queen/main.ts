/** The queen: knows the fleet, runs operations as jobs, and forwards requests of applications to workers. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { isLoopback } from '../config/checks.ts';
import { localAlias } from '../config/hive-entry.ts';
import { formatListenAddress } from '../config/listen-address.ts';
import type { Paths } from '../config/paths.ts';
import { checkHome } from '../config/private-places.ts';
import { listenAddresses, type RbeeConfig } from '../config/rbee-conf.ts';
import type { HealthBody } from '../contract/api/hive-api.ts';
import type { FleetStatus } from '../contract/api/queen-api.ts';
import { RbeeError } from '../contract/errors.ts';
import { keyFile } from '../gateway/access/key-file.ts';
import { KeyRing } from '../gateway/access/key-ring.ts';
import { UseLimits } from '../gateway/access/limits.ts';
import { applicationApi } from '../gateway/api/application-api.ts';
import { listenForApplications, makeApplicationServer } from '../gateway/api/server.ts';
import { bodyStores } from '../gateway/bodies/body-stores.ts';
import { Gateway } from '../gateway/gateway.ts';
import { closeServers } from '../http/close.ts';
import { listenOnSocket } from '../http/listen.ts';
import { writeAtomic } from '../lifecycle/fs/atomic-file.ts';
import { tryLock } from '../lifecycle/fs/instance-lock.ts';
import { watchLock } from '../lifecycle/fs/watch-lock.ts';
import { sweepUnfinished } from '../lifecycle/system/sweep-unfinished.ts';
import { AuditLog } from './audit/audit-log.ts';
import { Fleet } from './fleet/fleet.ts';
import type { HiveConnection } from './fleet/hive-connection.ts';
import { workerFleet } from './fleet/worker-fleet.ts';
import { makeHandlers, runOperation } from './handlers/index.ts';
import { secretViews } from './handlers/secrets.ts';
import type { QueenServices } from './handlers/services.ts';
import { JobStore } from './jobs/job-store.ts';
import { Jobs } from './jobs/jobs.ts';
import { Provision } from './provision/provision.ts';
import { QueenSecrets } from './secrets/queen-secrets.ts';
import { operationsApi } from './server/operations-api.ts';
import { LocalHive } from './supervise/local-hive.ts';
import { type Machines, makeMachines } from './sync/make-machines.ts';
import { wakeWorker } from './workers/change.ts';

export interface QueenOptions {
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  version: string;
  logger: FastifyBaseLogger;
  /** Use these hives instead of the one on this machine. */
  hives?: readonly HiveConnection[];
}

export interface Queen {
  /** Base URL for applications. */
  url: string;
  /** Changes with each start of the queen. */
  instance: string;
  /** Refuses new requests, gives running ones up to 10 s to finish, and ends. Workers keep running. */
  close(): Promise<void>;
}

/** Errors: QUEEN_BUSY when another queen owns the state folder; STATE_UNWRITABLE, PORT_TAKEN, CONFIG_INVALID. */
export const startQueen = async (options: QueenOptions): Promise<Queen> => {
  const { paths, config, version, logger, hives } = options;
  for (const doubt of checkHome(paths)) logger.warn(doubt, 'others may change what this queen does');
  await mkdir(paths.state, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw RbeeError.of('STATE_UNWRITABLE', { path: paths.state, problem: (cause as Error).message }, { cause });
  });
  const lock = await tryLock(join(paths.state, 'queen.lock'));
  if (!lock) throw RbeeError.of('QUEEN_BUSY', { path: paths.state });
  const sweep = () => sweepUnfinished(paths.state);
  await sweep();

  const ends: (() => unknown)[] = [() => lock.release(), sweep];
  const close = once(async () => {
    for (const end of ends.toReversed()) await end();
  });
  try {
    // A second queen that starts now reads this file to find the first.
    await writeAtomic(paths.queenPid, `${process.pid}\n`);
    ends.push(() => rm(paths.queenPid, { force: true }));
    const startedAt = new Date().toISOString();
    const instance = randomUUID();
    const health = (): HealthBody => ({ status: 'ok', name: 'queen', version, pid: process.pid, instance, startedAt });
    let urls: readonly string[] = [''];
    let localHive: LocalHive | undefined;
    let machines: Machines | undefined;

    const audit = new AuditLog({
      file: join(paths.logs, 'audit.log'),
      onError: (error) => logger.error({ error }, 'cannot write the audit log'),
    });
    ends.push(() => audit.close());
    const keys = new KeyRing(keyFile(join(paths.state, 'keys.json')));
    const unreadable = await keys.open();
    if (unreadable) logger.error(unreadable, 'no key is valid, because the stored keys cannot be read');
    const secrets = new QueenSecrets(paths);
    await secrets.start();
    const fleet = new Fleet({
      onBroken: (alias, error) => {
        logger.debug({ hive: alias, error }, 'no heartbeats');
        // A hive that breaks the protocol still runs, so it is not started again.
        if (error instanceof RbeeError && error.code === 'HIVE_PROTOCOL_ERROR') return;
        if (alias === localAlias) localHive?.onHeartbeatLost();
        else machines?.hives.get(alias)?.onHeartbeatLost(error);
      },
      onOnline: (alias) => machines?.cameBack(alias),
    });
    ends.push(() => fleet.close());
    const { aliases, maxWait } = config.gateway;
    const gateway = new Gateway(
      workerFleet(fleet, (name) => wakeWorker(fleet, name)),
      { aliases, maxWaitMs: maxWait * 1_000 },
    );
    ends.push(() => gateway.close());
    if (hives) for (const hive of hives) fleet.add(hive).start();
    else {
      localHive = new LocalHive({ ...options, fleet, secrets });
      machines = makeMachines({ ...options, fleet, gateway, localHive, secrets });
    }
    ends.push(() => localHive?.close());
    ends.push(() => machines?.close());

    const status = (): FleetStatus => {
      const drift = machines?.drift();
      return {
        queen: { pid: process.pid, version, url: urls[0] ?? '', urls, mode: config.queen.mode, startedAt },
        hives: fleet.hives(),
        workers: fleet.workers(),
        models: [...gateway.names.open()].map(([name]) => name),
        jobs: jobs.usage(),
        ...(drift && { drift }),
      };
    };
    const store = new JobStore(paths.queenDb, { log: (message, error) => logger.error({ error }, message) });
    const provision = machines?.provision ?? new Provision({ fleet });
    const handled: QueenServices = {
      fleet,
      gateway,
      provision,
      localHive,
      machines,
      status,
      secrets,
      paths,
      keys,
      audit,
    };
    const run = runOperation(makeHandlers(handled));
    const { redactor } = secrets;
    const jobs: Jobs = new Jobs({
      store,
      run,
      redactor,
      audit: (asked) => audit.record(asked),
      log: (message, error) => logger.error({ error }, message),
    });
    jobs.open();
    ends.push(() => jobs.close());

    if (localHive) await startLocalHive(localHive, config, logger);
    await machines?.hives.start();
    const bodies = bodyStores(join(paths.state, 'spool'), config.queen.maxBody);
    await bodies.spool.clear();
    ends.push(() => bodies.spool.clear());
    const limits = new UseLimits();
    const secretList = () => secretViews(handled);
    const parts = { fleet, gateway, jobs, status, health, logger, bodies, limits, audit, keys, secrets: secretList };
    const tcp = await listenForApplications(parts, {
      ...listeningOf(config, paths),
      keys,
      addRoutes: async (app) => void (await app.register(operationsApi(parts))),
    });
    ends.push(() => closeServers(tcp.apps, () => gateway.close()));
    urls = tcp.urls;
    // The socket belongs to this user alone, so it serves everything. The lock on the state folder is held by now.
    const socket = makeApplicationServer(parts);
    await socket.register(operationsApi(parts));
    await socket.register(applicationApi(parts));
    await listenOnSocket(socket, paths.queenSocket);
    // Jobs end first: their readers are among the connections that are waited for.
    ends.push(async () => {
      const closing = closeServers([...tcp.apps, socket], () => gateway.close());
      await Promise.all([closing, jobs.close()]);
    });
    // A hive inside this process watches its own lock, and has more to clean up.
    if (!localHive?.isAttached) ends.push(await watchLock(lock, () => process.kill(process.pid, 'SIGKILL')));
    for (const open of openAddresses(config))
      logger.warn(
        { url: open },
        'keys and answers are readable on the network: use an https:// address, or a proxy with TLS',
      );
    logger.info({ urls, socket: paths.queenSocket, hives: fleet.hives().length }, 'the queen is ready');
    return { url: urls[0] ?? '', instance, close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** Addresses that other machines can reach without TLS. */
const openAddresses = (config: RbeeConfig): string[] =>
  listenAddresses(config)
    .filter(({ host, tls }) => !tls && !isLoopback(host))
    .map(formatListenAddress);

const listeningOf = (config: RbeeConfig, { rbeeConf }: Paths) => {
  const { keys, tlsCert: cert, tlsKey: key, allowedHosts, allowedOrigins } = config.gateway;
  const name = hostname().toLowerCase();
  return {
    addresses: listenAddresses(config),
    tls: cert !== null && key !== null ? { cert, key } : null,
    rules: {
      keys,
      allowedHosts,
      allowedOrigins: [...config.queen.allowedOrigins, ...allowedOrigins],
      ownNames: [name, `${name}.local`],
    },
    conf: rbeeConf,
  };
};

/** Without its local hive the queen still works: it reports the problem, and starts the hive on request. */
const startLocalHive = async (hive: LocalHive, config: RbeeConfig, logger: FastifyBaseLogger): Promise<void> => {
  try {
    if (config.queen.autoStart || config.queen.mode === 'attached-hive') await hive.start();
    else await hive.connect();
  } catch (error) {
    logger.error(error, 'the hive of this machine did not start');
  }
};

const once = <Result>(work: () => Promise<Result>): (() => Promise<Result>) => {
  let begun: Promise<Result> | undefined;
  return () => {
    begun ??= work();
    return begun;
  };
};
