/** npm's configuration, as npm itself would read it: scopes, tokens, proxies, certificates, cache. The one file that knows `@npmcli/config`. */
import { createRequire } from 'node:module';
import { packageRoot } from '../../config/version.ts';

/** Options of npm's libraries; what they hold beside this is theirs. */
export interface NpmOptions extends Record<string, unknown> {
  registry: string;
  cache: string;
  /** Milliseconds. */
  timeout: number;
}

export interface NpmConfigRequest {
  /** A project folder whose `.npmrc` counts: the data folder. */
  folder: string;
  env: NodeJS.ProcessEnv;
  /** In place of npm's default registry. Scopes that have one of their own keep it. */
  registry?: string;
  offline?: boolean;
}

/** By default npm waits minutes for a dead registry, and a person waits for it here. Settings of the user go first. */
export const npmTimeouts: Readonly<Record<string, number>> = {
  'fetch-retries': 1,
  'fetch-retry-mintimeout': 300,
  'fetch-retry-maxtimeout': 2_000,
  'fetch-timeout': 30_000,
};

export interface NpmConfig {
  load(): Promise<void>;
  /** Name of the part that has the key: `cli`, `env`, `project`, `user`, `global`, `default`. */
  find(key: string): string | null;
  get(key: string): unknown;
  /** The parts, each with the file that it was read from. */
  readonly data: ReadonlyMap<string, { source?: string | null }>;
  set(key: string, value: unknown, where: string): void;
  readonly flat: NpmOptions;
}
type NpmConfigClass = new (options: Record<string, unknown>) => NpmConfig;

/** As npm's libraries take it. */
export const readNpmConfig = async (request: NpmConfigRequest): Promise<NpmOptions> =>
  (await loadNpmConfig(request)).flat;

/** Reads the files on each call, so that a new token takes effect at once. */
export const loadNpmConfig = async (request: NpmConfigRequest): Promise<NpmConfig> => {
  // These packages bring no types.
  const require = createRequire(import.meta.url);
  const Config = require('@npmcli/config') as NpmConfigClass;
  const { definitions, shorthands, flatten } = require('@npmcli/config/lib/definitions') as Record<string, unknown>;
  const config = new Config({
    definitions,
    shorthands,
    flatten,
    npmPath: packageRoot(),
    argv: [process.execPath, 'npm'],
    // It writes what it has read into its environment, from where it would come before the files the next time.
    env: { ...request.env },
    cwd: request.folder,
    warn: false,
  });
  await config.load();
  for (const [key, value] of Object.entries(npmTimeouts)) {
    if (config.find(key) === 'default') config.set(key, value, 'cli');
  }
  if (request.registry !== undefined) config.set('registry', request.registry, 'cli');
  if (request.offline) config.set('offline', true, 'cli');
  return config;
};
