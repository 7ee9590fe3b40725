/** Explains why a registry denied access: which credentials were sent, and which files were searched for them. */
import { loadNpmConfig, type NpmConfig, type NpmConfigRequest } from './npm-config.ts';

export interface RegistryRefusal {
  registry: string;
  problem: string;
  hint: string;
}

/** `status` is the registry's answer; `name` is the requested package. */
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
      : `; if ${scope} is in another registry, add it there: ${scope}:registry=URL`;
  return { registry, problem: `it answers ${status}${problemOf(known, files)}`, hint: write + scoped };
};

interface Credentials {
  key: string;
  /** A file, or `the environment`. */
  from: string;
  /** The unset variable that its value refers to. */
  unset: string | undefined;
}

const problemOf = (known: Credentials | null, files: readonly string[]): string => {
  if (!known) return `, and no token for it was found in ${files.join(', ')}`;
  const { key, from, unset } = known;
  if (unset === undefined) return ` to ${key} of ${from}`;
  return `: ${key} of ${from} refers to the variable ${unset}, which is not set in the queen's environment`;
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

/** `//host/path/`, then `//host/`: npm uses a token for all paths below its own. */
const darts = (registry: string): string[] => {
  const { host, pathname } = new URL(registry);
  const parts = pathname.split('/').filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, index) => {
    const path = parts.slice(0, parts.length - index).join('/');
    return `//${host}/${path === '' ? '' : `${path}/`}`;
  });
};
