/** Does a path that a worker type declares take in one that was asked for? */
import type { ServedPath } from '../../contract/worker-type.ts';

export const isWildcard = (path: string): boolean => path.endsWith('/*');

/** The path itself, or, where it ends in `/*`, any below it. */
export const takesPath = (declared: string, path: string): boolean =>
  declared === path || (isWildcard(declared) && isBelow(path, declared.slice(0, -1)));

export const takesMethod = ({ method = 'POST' }: Pick<ServedPath, 'method'>, asked: string): boolean =>
  method === 'any' || method === asked;

export const methodsOf = ({ method = 'POST' }: Pick<ServedPath, 'method'>): readonly string[] =>
  method === 'any' ? ['GET', 'POST'] : [method];

/** Steps up would lead out of what was declared. */
const isBelow = (path: string, prefix: string): boolean =>
  path.length > prefix.length && path.startsWith(prefix) && !/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
