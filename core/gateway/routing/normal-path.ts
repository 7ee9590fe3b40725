/**
 * Paths as clients write them: without `/v1`, with double slashes or a slash at the end. They become the path that was meant,
 * unless a worker declares them as they are.
 */

export interface KnownPaths {
  /** A worker declares this very path, not a pattern. */
  isDeclared(path: string): boolean;
  /** A worker declares the path or a pattern for it. */
  isServed(path: string): boolean;
  /** An installed worker type declares this very path, whether such a worker runs or not. */
  isInstalled(path: string): boolean;
}

/** The target of a request with its path as it was meant, and its query unchanged. */
export const normalTarget = (target: string, known: KnownPaths): string => {
  if (isNormal(target)) return target;
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const meant = normalPath(path, known);
  if (meant === path) return target;
  return query < 0 ? meant : meant + target.slice(query);
};

const slash = 47;

/** Nearly all targets are, and cost no more than this. */
const isNormal = (target: string): boolean =>
  target.startsWith('/v1/') && !target.includes('//') && target.charCodeAt(target.length - 1) !== slash;

/** Exact paths come before patterns, and running workers before types that are only installed. */
const normalPath = (path: string, known: KnownPaths): string => {
  if (known.isDeclared(path)) return path;
  const simple = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  const versioned = `/v1${simple}`;
  const meant = [simple, versioned];
  return (
    meant.find((one) => ownPaths.has(one) || known.isDeclared(one)) ??
    [path, ...meant].find((one) => known.isServed(one)) ??
    meant.find((one) => one.startsWith(modelPrefix) || known.isInstalled(one)) ??
    path
  );
};

const ownPaths = new Set(['/', '/health', '/v1/models']);
const modelPrefix = '/v1/models/';
