/**
 * Reads npm's configuration as npm itself would: scopes, tokens, proxies, certificates, cache. The only file that uses
 * `@npmcli/config`.
 */
import { createRequire } from 'node:module';
import { packageRoot } from '../../config/version.ts';

/** Options for npm's libraries; further fields are npm's own. */
export interface NpmOptions extends Record<string, unknown> {
  registry: string;
  cache: string;
  /** Milliseconds. */
  timeout: number;
}

export interface NpmConfigRequest {
  /** A project folder whose `.npmrc` is read: the data folder. */
  folder: string;
  env: NodeJS.ProcessEnv;
  /** Replaces npm's default registry. Scopes with their own registry keep it. */
  registry?: string;
  offline?: boolean;
}

/**
 * npm's default timeouts wait minutes for a dead registry, too long for a waiting user. The user's own settings take
 * precedence.
 */
export const npmTimeouts: Readonly<Record<string, number>> = {
  'fetch-retries': 1,
  'fetch-retry-mintimeout': 300,
  'fetch-retry-maxtimeout': 2_000,
  'fetch-timeout': 30_000,
};

export interface NpmConfig {
  load(): Promise<void>;
  /** Name of the layer that defines the key: `cli`, `env`, `project`, `user`, `global`, `default`. */
  find(key: string): string | null;
  get(key: string): unknown;
  /** The layers, each with the file that it was read from. */
  readonly data: ReadonlyMap<string, { source?: string | null }>;
  set(key: string, value: unknown, where: string): void;
  readonly flat: NpmOptions;
}
type NpmConfigClass = new (options: Record<string, unknown>) => NpmConfig;

/** In the format of npm's libraries. */
export const readNpmConfig = async (request: NpmConfigRequest): Promise<NpmOptions> =>
  (await loadNpmConfig(request)).flat;

/** Reads the files on each call, so that a new token takes effect at once. */
export const loadNpmConfig = async (request: NpmConfigRequest): Promise<NpmConfig> => {
  // These packages have no type declarations.
  const require = createRequire(import.meta.url);
  const Config = require('@npmcli/config') as NpmConfigClass;
  const { definitions, shorthands, flatten } = require('@npmcli/config/lib/definitions') as Record<string, unknown>;
  const config = new Config({
    definitions,
    shorthands,
    flatten,
    npmPath: packageRoot(),
    argv: [process.execPath, 'npm'],
    // A copy, because the library writes settings into its environment, where they would take precedence over the files
    // next time.
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
