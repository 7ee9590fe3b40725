/** Questions to a registry: packages, keys, search. The one file that knows `npm-registry-fetch`. */
import fetch from 'npm-registry-fetch';
import type { NpmOptions } from './npm-config.ts';

/** The JSON at `path` of the registry. Throws what the library does (`E404`, …). */
export const askRegistry = async (path: string, options: NpmOptions): Promise<unknown> => fetch.json(path, options);

/** What a registry says of a package, and whether that is only what it said some time ago because it does not answer. */
export interface Answer {
  document: unknown;
  stale: boolean;
}

export const askAboutPackage = async (name: string, options: NpmOptions): Promise<Answer> => {
  const path = `/${name.replace('/', '%2f')}`;
  const response = await fetch(path, { ...options, spec: name } as never);
  const stale = response.headers.get('x-local-cache-status') === 'stale' && options['offline'] !== true;
  return { document: await response.json(), stale };
};

/** The registry that holds a package: that of its scope, or the default one. */
export const registryOf = (spec: string, options: NpmOptions): string => fetch.pickRegistry(spec, options);
