/** Requests to a registry: packages, keys, search. The only file that uses `npm-registry-fetch`. */
import fetch from 'npm-registry-fetch';
import type { NpmOptions } from './npm-config.ts';

/** The JSON at `path` of the registry. Throws the library's errors (`E404`, …). */
export const askRegistry = async (path: string, options: NpmOptions): Promise<unknown> => fetch.json(path, options);

export interface Answer {
  /** The registry's document of a package. */
  document: unknown;
  /** Why the document comes from the cache: the registry cannot be reached. Null if it is fresh. */
  stale: unknown;
}

/** Milliseconds to find out why the registry did not answer; the cached document is used anyway. */
const whyMs = 5_000;

export const askAboutPackage = async (name: string, options: NpmOptions): Promise<Answer> => {
  const path = `/${name.replace('/', '%2f')}`;
  const response = await fetch(path, { ...options, spec: name } as never);
  const document = await response.json();
  const isStale = response.headers.get('x-local-cache-status') === 'stale' && options['offline'] !== true;
  if (!isStale) return { document, stale: null };
  // The library does not report whether the network, the certificate or the server failed.
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

/** The registry of a package: its scope's, or the default one. */
export const registryOf = (spec: string, options: NpmOptions): string => fetch.pickRegistry(spec, options);
