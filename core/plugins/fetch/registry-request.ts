/** Questions to a registry: packages, keys, search. The one file that knows `npm-registry-fetch`. */
import fetch from 'npm-registry-fetch';
import type { NpmOptions } from './npm-config.ts';

/** The JSON at `path` of the registry. Throws what the library does (`E404`, …). */
export const askRegistry = async (path: string, options: NpmOptions): Promise<unknown> => fetch.json(path, options);

export interface Answer {
  /** What the registry says of a package. */
  document: unknown;
  /** Why that is only what it said some time ago: it cannot be asked now. Null when it was asked. */
  stale: unknown;
}

/** Milliseconds to find out why the registry was not heard; what it said before is there already. */
const whyMs = 5_000;

export const askAboutPackage = async (name: string, options: NpmOptions): Promise<Answer> => {
  const path = `/${name.replace('/', '%2f')}`;
  const response = await fetch(path, { ...options, spec: name } as never);
  const document = await response.json();
  const isStale = response.headers.get('x-local-cache-status') === 'stale' && options['offline'] !== true;
  if (!isStale) return { document, stale: null };
  // The library keeps to itself whether it was the network, the certificate or the server.
  const again = {
    ...options,
    spec: name,
    cache: undefined,
    timeout: Math.min(options.timeout, whyMs),
    fetchRetries: 0,
    retry: { retries: 0 },
  };
  try {
    return { document: await (await fetch(path, again as never)).json(), stale: null };
  } catch (error) {
    return { document, stale: error ?? 'it does not answer' };
  }
};

/** The registry that holds a package: that of its scope, or the default one. */
export const registryOf = (spec: string, options: NpmOptions): string => fetch.pickRegistry(spec, options);
