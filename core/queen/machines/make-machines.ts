/** The machines of a queen, put together. Nothing of SSH is loaded before a machine is reached. */
import type { FastifyBaseLogger } from 'fastify';
import { join } from 'node:path';
import { hivesConfFile } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { localRunner } from '../../lifecycle/local-runner.ts';
import type { Fetcher } from '../../registry/install/fetcher.ts';
import { SshPool } from '../../ssh/pool.ts';
import { Uploads } from '../../ssh/upload/uploads.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Parts } from '../handlers/parts.ts';
import { Bundles } from './bundles.ts';
import { makeDelivery } from './deliver.ts';
import { Remembered } from './remembered.ts';
import { RemoteHives } from './remote-hives.ts';
import { SshMachines } from './ssh-machines.ts';

export interface MakeMachinesOptions {
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  fleet: Fleet;
  logger: FastifyBaseLogger;
  parts: () => Parts;
}

export interface MadeMachines {
  machines: SshMachines;
  hives: RemoteHives;
  close(): Promise<void>;
}

export const makeMachines = ({ paths, config, env, fleet, logger, parts }: MakeMachinesOptions): MadeMachines => {
  const pool = new SshPool({ env, runner: localRunner, timeoutMs: config.package.sshTimeout * 1_000 });
  const uploads = new Uploads();
  let fetcher: Promise<Fetcher> | undefined;
  const loadFetcher = async (): Promise<Fetcher> => {
    const { Fetcher } = await import('../../registry/install/fetcher.ts');
    const { url } = config.registry;
    return new Fetcher({ env, folder: paths.data, cacheFolder: paths.cache, ...(url !== null && { registry: url }) });
  };
  const bundles = new Bundles({
    cache: paths.cache,
    fetcher: () => {
      fetcher ??= loadFetcher();
      return fetcher;
    },
  });
  const remembered = new Remembered(join(paths.state, 'machines.json'));
  const delivery = makeDelivery({ paths, config, env, pool, uploads });
  const file = hivesConfFile(paths);
  const hives = new RemoteHives({ fleet, pool, uploads, bundles, remembered, logger, file });
  const machines = new SshMachines({ paths, config, hives, bundles, delivery, remembered, parts });
  const close = async (): Promise<void> => {
    await hives.close();
    pool.close();
    await uploads.close();
    await delivery.close();
    if (fetcher) (await fetcher.catch(() => null))?.close();
  };
  return { machines, hives, close };
};
