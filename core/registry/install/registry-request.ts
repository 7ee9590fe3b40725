/** One question to a registry beside packages: keys, search. The one file that knows `npm-registry-fetch`. */
import fetch from 'npm-registry-fetch';
import type { NpmOptions } from './npm-config.ts';

/** The JSON at `path` of the registry. Throws what the library does (`E404`, …). */
export const askRegistry = async (path: string, options: NpmOptions): Promise<unknown> => fetch.json(path, options);

/** The registry that holds a package: that of its scope, or the default one. */
export const registryOf = (spec: string, options: NpmOptions): string => fetch.pickRegistry(spec, options);
