/** Whether a path and method declared by a worker type match those of a request. */
import type { ServedPath } from '../../contract/worker-type.ts';

export const isWildcard = (path: string): boolean => path.endsWith('/*');

/** Matches the path itself or, if declared with `/*` at its end, any path below. */
export const takesPath = (declared: string, path: string): boolean =>
  declared === path || (isWildcard(declared) && isBelow(path, declared.slice(0, -1)));

export const takesMethod = ({ method = 'POST' }: Pick<ServedPath, 'method'>, requested: string): boolean =>
  method === 'any' || method === requested;

export const methodsOf = ({ method = 'POST' }: Pick<ServedPath, 'method'>): readonly string[] =>
  method === 'any' ? ['GET', 'POST'] : [method];

/** Not with `..` or `.` segments, which could lead out of the declared path. */
const isBelow = (path: string, prefix: string): boolean =>
  path.length > prefix.length && path.startsWith(prefix) && !/\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
