/** Whether a path, method and content type declared by a worker type match those of a request. */
import type { HttpMethod, ServedPath } from './worker-type.ts';

/** Whether it matches several paths. */
export const isPattern = (declared: string): boolean => isWildcard(declared) || declared.includes('{');

/** Whether the path equals the declared one or, if that has `{name}` segments or a trailing `/*`, has its form. */
export const takesPath = (declared: string, path: string): boolean =>
  declared === path || (isPattern(declared) && matchPath(declared, path) !== undefined);

/** The decoded segments matched by `{name}`, by name; undefined if the path does not have this form. */
export const matchPath = (declared: string, path: string): ReadonlyMap<string, string> | undefined => {
  const brace = declared.indexOf('{');
  const prefix = brace < 0 ? declared.slice(0, -1) : declared.slice(0, brace);
  if (!path.startsWith(prefix) || (isWildcard(declared) && leadsOut(path))) return undefined;
  if (brace < 0) return path.length > prefix.length ? nothing : undefined;
  const wanted = declared.split('/');
  const segments = path.split('/');
  if (isWildcard(declared)) {
    const below = segments.splice(wanted.length - 1).join('/');
    if (below === '') return undefined;
    wanted.pop();
  }
  return segments.length === wanted.length ? named(wanted, segments) : undefined;
};

const named = (wanted: readonly string[], segments: readonly string[]): ReadonlyMap<string, string> | undefined => {
  const found = new Map<string, string>();
  for (const [at, one] of wanted.entries()) {
    const name = placeholder(one);
    const value = segments[at] as string;
    if (name === undefined) {
      if (one !== value) return undefined;
      continue;
    }
    const plain = decoded(value);
    if (plain === undefined) return undefined;
    found.set(name, plain);
  }
  return found;
};

const nothing: ReadonlyMap<string, string> = new Map();

/** Names of the `{name}` segments of a declared path. */
export const placeholders = (declared: string): string[] =>
  declared.split('/').flatMap((segment) => placeholder(segment) ?? []);

export const takesMethod = ({ method = 'POST' }: Pick<ServedPath, 'method'>, requested: string): boolean => {
  if (method === 'any') return requested === 'GET' || requested === 'POST';
  return typeof method === 'string' ? method === requested : method.includes(requested as HttpMethod);
};

export const methodsOf = ({ method = 'POST' }: Pick<ServedPath, 'method'>): readonly HttpMethod[] => {
  if (method === 'any') return ['GET', 'POST'];
  return typeof method === 'string' ? [method] : method;
};

/** Content types that a path accepts in request bodies. */
export const acceptedTypes = ({ kind, accepts }: Pick<ServedPath, 'kind' | 'accepts'>): readonly string[] =>
  accepts ?? (kindsWithForms.has(kind) ? jsonAndForms : onlyJson);

/** `type` is the media type alone, in lower case. */
export const takesType = (accepted: readonly string[], type: string): boolean =>
  accepted.some(
    (one) => one === type || one === '*' || one === '*/*' || (one.endsWith('/*') && type.startsWith(one.slice(0, -1))),
  );

const kindsWithForms = new Set(['transcription', 'translation', 'image', 'other']);
const onlyJson = ['application/json'];
export const jsonAndForms: readonly string[] = ['application/json', 'multipart/form-data'];

const isWildcard = (declared: string): boolean => declared.endsWith('/*');

/** Whether `..` or `.` segments could lead out of the declared path. */
const leadsOut = (path: string): boolean => /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);

const placeholder = (segment: string): string | undefined => /^\{(\w+)\}$/.exec(segment)?.[1];

/** Decodes a segment; undefined if it could lead out of the declared path once an engine decodes it. */
const decoded = (segment: string): string | undefined => {
  try {
    const value = decodeURIComponent(segment);
    return value === '' || /(^|[/\\])\.{1,2}([/\\]|$)/.test(value) ? undefined : value;
  } catch {
    return undefined;
  }
};
