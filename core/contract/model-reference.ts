/** Model references as users write them, and the names under which models are served. */
import { RbeeError } from './errors.ts';
import { isSafePath } from './safe-path.ts';
import { addressWithoutSecrets } from './secrets.ts';

export type ModelReference =
  /** The worker type's tiny demo model. */
  | { kind: 'demo' }
  /** A path on the hive; a leading `~/` is the hive user's home. */
  | { kind: 'file'; path: string }
  /**
   * A repository on the hub. `select` is a file, folder or quantization in it; `revision` is a branch, tag or commit
   * (absent: the repository's default branch).
   */
  | { kind: 'hf'; repo: string; select?: string; revision?: string }
  /**
   * One file on any server. `url` has no query, because a query may be a secret signature that changes daily; the model
   * is identified without it. `query` begins with `?` and is sent, but never stored. `sha256` is 64 lower-case
   * hexadecimal digits.
   */
  | { kind: 'https'; url: string; query?: string; sha256?: string };

const maxLength = 4_096;

/**
 * Parses a model reference. A bare path that begins with a slash, a dot or `~/` means `file:`. Errors:
 * MODEL_REFERENCE_INVALID.
 */
export const parseModelReference = (text: string): ModelReference => {
  const invalid = (problem: string) =>
    RbeeError.of('MODEL_REFERENCE_INVALID', { reference: shortened(addressWithoutSecrets(text)), problem });
  if (text === 'demo') return { kind: 'demo' };
  if (text.length > maxLength) throw invalid(`it is longer than ${maxLength} characters`);
  if (hasControls(text)) throw invalid('it contains a control character or invalid Unicode');
  const isFile = text.startsWith('file:');
  if (isFile || /^(\.{0,2}\/|~)/.test(text)) {
    const path = isFile ? text.slice('file:'.length).replace(/^\/\/(?=[/~])/, '') : text;
    if (path === '') throw invalid('the path is missing');
    if (/^~(?!\/)/.test(path))
      throw invalid("only ~/ is expanded (to the home of the hive's user): write the full path");
    return { kind: 'file', path };
  }
  const of = (read: (rest: string) => ModelReference | string, rest: string): ModelReference => {
    const reference = read(rest);
    if (typeof reference === 'string') throw invalid(reference);
    return reference;
  };
  if (/^hf:/i.test(text)) return of(readHub, text.slice('hf:'.length).replace(/^\/\//, ''));
  if (/^https?:\/\//i.test(text)) return of(readAddress, text);
  throw invalid(guess(text));
};

/**
 * Formats a model reference for storage and display: the inverse of `parseModelReference`, without the query of an
 * address.
 */
export const formatModelReference = (reference: ModelReference): string => {
  switch (reference.kind) {
    case 'demo':
      return 'demo';
    case 'file':
      return `file:${reference.path}`;
    case 'hf': {
      const { repo, select, revision } = reference;
      return `hf:${repo}${select === undefined ? '' : `:${select}`}${revision === undefined ? '' : `@${revision}`}`;
    }
    case 'https':
      return reference.sha256 === undefined ? reference.url : `${reference.url}#sha256=${reference.sha256}`;
  }
};

/** Whether this text is a reference, not the name of a served model. */
export const looksLikeReference = (text: string): boolean =>
  text === 'demo' || /^(file:|hf:|https?:\/\/|\.{0,2}\/|~\/)/i.test(text);

/** The name under which a model is served unless `--name` says otherwise: `Qwen3-0.6B-GGUF` is `qwen3-0.6b`. */
export const servedName = (reference: ModelReference): string => {
  switch (reference.kind) {
    case 'demo':
      return 'demo';
    case 'file':
      return nameOf(lastPart(reference.path));
    case 'hf':
      return nameOf(isFileName(reference.select) ? lastPart(reference.select) : lastPart(reference.repo));
    case 'https':
      return nameOf(addressName(reference.url)).replace(/[^a-z0-9._-]+/g, '-');
  }
};

const repoPattern = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}/;

/** Parses the part after `hf:`; a string result says what is wrong. */
const readHub = (text: string): ModelReference | string => {
  const repo = repoPattern.exec(text)?.[0];
  const example = 'write hf:org/repo, hf:org/repo:file-or-quantization or hf:org/repo@revision';
  if (repo === undefined) return `the repository is missing; ${example}`;
  if (/\.\.|\.git$/.test(repo)) return `the hub has no repositories with such names; ${example}`;
  const rest = text.slice(repo.length);
  if (rest.startsWith('/')) return `a file is named after a colon, as in hf:${repo}:${rest.slice(1)}`;
  if (!/^([:@]|$)/.test(rest)) return example;
  const at = rest.lastIndexOf('@');
  const select = rest.startsWith(':') ? rest.slice(1, at === -1 ? undefined : at) : undefined;
  const revision = at === -1 ? undefined : rest.slice(at + 1);
  if (select !== undefined && !isInside(select)) return `"${select}" is not a file or quantization`;
  if (revision !== undefined && !(isInside(revision) && /^[\w./+-]+$/.test(revision))) {
    return `"${revision}" is not a revision`;
  }
  return { kind: 'hf', repo, ...(select !== undefined && { select }), ...(revision !== undefined && { revision }) };
};

/** Parses an address; a string result says what is wrong. */
const readAddress = (text: string): ModelReference | string => {
  const url = URL.parse(text);
  if (!url || url.hostname === '') return 'it is not a valid address';
  if (url.username !== '' || url.password !== '') return 'remove the name and password from the address';
  const repo = /^\/([^/]+\/[^/]+)\/?$/.exec(url.pathname)?.[1];
  if (url.hostname === 'huggingface.co' && repo) return `that is a page, not a file; did you mean hf:${repo}?`;
  const { hash } = url;
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(hash)?.[1]?.toLowerCase();
  if (hash !== '' && sha256 === undefined) return 'only sha256= and 64 hexadecimal digits may follow the #';
  // A download that can be tampered with on the way is accepted only with a checksum.
  if (url.protocol === 'http:' && sha256 === undefined && !isLoopback(url.hostname)) {
    return 'http does not protect the file against tampering; use https, or add #sha256=…';
  }
  const { search: query } = url;
  url.hash = '';
  url.search = '';
  return {
    kind: 'https',
    url: url.href,
    ...(query !== '' && { query }),
    ...(sha256 !== undefined && { sha256 }),
  };
};

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);

const guess = (text: string): string => {
  const repo = repoPattern.exec(text)?.[0];
  const isRepo = repo !== undefined && /^([:@].*)?$/.test(text.slice(repo.length));
  return isRepo
    ? `did you mean hf:${text}?`
    : 'it must start with hf:, https: or file:, be demo, or name a downloaded model (rbee model list)';
};

/** A relative path that cannot lead out of its folder. */
const isInside = (path: string): boolean => isSafePath(path.replace(/\/$/, ''));

/** Control characters, and lone surrogates, which no file name can contain. */
const hasControls = (text: string): boolean => /\p{Cc}/u.test(text) || !text.isWellFormed();

const isFileName = (select: string | undefined): select is string =>
  select !== undefined && /\.(gguf|safetensors|onnx|bin|ggml|pt|pth|ckpt)$/i.test(select);

const lastPart = (path: string): string => path.replace(/\/+$/, '').split('/').at(-1) ?? '';

const nameOf = (file: string): string =>
  file
    .replace(/\.(gguf|safetensors|onnx|bin|ggml|pt|pth|ckpt)$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '')
    .replace(/-GGUF$/i, '')
    .toLowerCase();

const addressName = (address: string): string => {
  const { pathname, hostname } = new URL(address);
  return lastPart(decoded(pathname)) || hostname;
};

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
