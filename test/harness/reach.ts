/** Connections to test machines, made as the queen makes them and closed when the test ends. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { undoAfter } from '../../core/lifecycle/process/testing.ts';
import { localRunner } from '../../core/lifecycle/system/local-runner.ts';
import type { SshConnection } from '../../core/ssh/connection.ts';
import { type Asker, SshPool } from '../../core/ssh/pool.ts';
import type { SshTarget } from '../../core/ssh/target.ts';
import type { Machines } from './machines.ts';

export interface Reach {
  pool: SshPool;
  /** By the name of a host, or by what a user might write. */
  connect(target: string | SshTarget, asker?: Asker): Promise<SshConnection>;
}

export interface ReachOptions {
  /** Home folder of the connecting user; default: the client's. */
  home?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}

export const reach = (
  t: Pick<TestContext, 'after'>,
  machines: Machines,
  { home, env = {}, timeoutMs = 10_000 }: ReachOptions = {},
): Reach => {
  const own = home === undefined ? {} : { HOME: home };
  const pool = new SshPool({
    env: { PATH: process.env['PATH'], ...machines.client.env, ...own, ...env },
    runner: localRunner,
    timeoutMs,
  });
  undoAfter(t, () => pool.close());
  const connect: Reach['connect'] = (target, asker) =>
    pool.connect(typeof target === 'string' ? { alias: target, hostname: target } : target, asker);
  return { pool, connect };
};

let homes = 0;

/** Another home of the client: with a changed configuration, initial known hosts, and no key of its own. */
export const makeHome = (machines: Machines, change: (config: string) => string = (config) => config): string => {
  homes += 1;
  const home = join(machines.client.home, `home-${homes}`);
  const folder = join(home, '.ssh');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const known = join(folder, 'known_hosts');
  copyFileSync(machines.client.knownHosts, known);
  const config = readFileSync(machines.client.config, 'utf8')
    .replace(/^ *IdentityFile .*\n/m, '')
    .replace(machines.client.knownHosts, known);
  writeFileSync(join(folder, 'config'), change(config), { mode: 0o600 });
  return home;
};
