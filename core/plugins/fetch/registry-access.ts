/** Explains a refusal of a registry: which credentials were sent, and in which files they were looked for. */
import { loadNpmConfig, type NpmConfig, type NpmConfigRequest } from './npm-config.ts';

export interface RegistryRefusal {
  registry: string;
  problem: string;
  hint: string;
}

/** `status` is what the registry answered; `name` the package that it was asked for. */
export const refusalOf = async (
  status: number,
  { registry: asked, name }: { registry?: string; name: string },
  request: NpmConfigRequest,
): Promise<RegistryRefusal> => {
  const config = await loadNpmConfig(request);
  const scope = name.startsWith('@') ? name.split('/')[0] : undefined;
  const ofScope = scope === undefined ? undefined : config.get(`${scope}:registry`);
  const registry = asked ?? String(ofScope ?? config.get('registry'));
  const files = ['project', 'user', 'global'].flatMap((where) => fileOf(config, where) ?? []);
  const known = credentialsFor(registry, config);
  const key = `${darts(registry)[0]}:_authToken`;
  const write = `write a valid token as ${key}=TOKEN into ${fileOf(config, 'user') ?? files[0]}`;
  const scoped =
    scope === undefined || ofScope !== undefined
      ? ''
      : `; if another registry has ${scope}, name it there: ${scope}:registry=URL`;
  return { registry, problem: `it answers ${status}${problemOf(known, files)}`, hint: write + scoped };
};

interface Credentials {
  key: string;
  /** A file, or the environment. */
  from: string;
  /** The variable that it takes its value from, which is not set. */
  unset: string | undefined;
}

const problemOf = (known: Credentials | null, files: readonly string[]): string => {
  if (!known) return `, and no token for it was found in ${files.join(', ')}`;
  const { key, from, unset } = known;
  if (unset === undefined) return ` to ${key} of ${from}`;
  return `: ${key} of ${from} names the variable ${unset}, which was not set where the queen was started`;
};

const credentialsFor = (registry: string, config: NpmConfig): Credentials | null => {
  for (const dart of darts(registry)) {
    for (const name of ['_authToken', '_auth', 'username', 'certfile']) {
      const key = `${dart}:${name}`;
      const where = config.find(key);
      if (where === null) continue;
      const unset = /\$\{(\w+)\??\}/.exec(String(config.get(key)))?.[1];
      return { key, from: fileOf(config, where) ?? `the environment`, unset };
    }
  }
  return null;
};

const fileOf = (config: NpmConfig, where: string): string | undefined => {
  const source = config.data.get(where)?.source;
  return source?.startsWith('/') || source?.includes(':\\') ? source : undefined;
};

/** `//host/path/`, then `//host/`: npm takes a token of a registry for everything below. */
const darts = (registry: string): string[] => {
  const { host, pathname } = new URL(registry);
  const parts = pathname.split('/').filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, index) => {
    const path = parts.slice(0, parts.length - index).join('/');
    return `//${host}/${path === '' ? '' : `${path}/`}`;
  });
};
