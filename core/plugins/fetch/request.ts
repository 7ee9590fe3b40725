/** Parses what a user asks to install into places to look for it. Pure. */
import { existsSync, statSync } from 'node:fs';
import { RbeeError } from '../../contract/errors.ts';

/** The registry is asked for each of `candidates` in order until one exists. */
export type PluginRequest =
  | { kind: 'registry'; candidates: readonly Candidate[] }
  /** Absolute path of a package made with `npm pack`. */
  | { kind: 'tarball'; file: string }
  /** Absolute path of a folder. It is packed first, without running its scripts. */
  | { kind: 'folder'; folder: string }
  /** Cloned, then packed in the same way. */
  | { kind: 'git'; address: string }
  /** Address of a packed package. */
  | { kind: 'remote'; url: string };

export interface Candidate {
  name: string;
  /** Version, range or tag as written; null if there was none. */
  range: string | null;
}

const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const git = /^(?:git[+:]|github:|gitlab:|bitbucket:|[^/@]+@[^/]+:|https?:.*\.git(?:#|$))/;
const typeName = /^[a-z0-9][a-z0-9.-]{0,40}$/;

/**
 * Parses the argument of `rbee plugins install`. A bare word is tried as a worker type first, then as an npm package.
 * Errors: INVALID_INPUT.
 */
export const parseRequest = (text: string): PluginRequest => {
  const file = pathOf(text);
  if (file !== null) return fromPath(file);
  if (git.test(text)) return { kind: 'git', address: text };
  if (/^https?:\/\//.test(text)) return { kind: 'remote', url: text };
  const { name, range } = splitRange(text);
  if (!packageName.test(name) || name.length > 214)
    throw invalid(text, 'it is not a valid name of a package or worker type');
  if (range !== null && !/^[A-Za-z0-9^~<>=.*+ |-]{1,100}$/.test(range)) {
    throw invalid(text, `"${range}" is not a version, range or tag`);
  }
  return { kind: 'registry', candidates: namesFor(name).map((one) => ({ name: one, range })) };
};

/** The packages that may provide a worker type of this name; none if the name is invalid. */
export const packagesOfType = (type: string): string[] => {
  const word = type.toLowerCase();
  if (!typeName.test(word)) return [];
  // `llama-cpp` and `llama.cpp` mean `llamacpp`: if the name as written does not exist, it is tried without
  // punctuation.
  return [...new Set([word, word.replace(/[.-]/g, '')])]
    .filter((name) => !name.includes('.'))
    .map((name) => `@rbee/worker-${name}`);
};

/** Splits `name@range`; the `@` of a scope is not a separator. */
export const splitRange = (text: string): Candidate => {
  const at = text.indexOf('@', 1);
  return at === -1 ? { name: text, range: null } : { name: text.slice(0, at), range: text.slice(at + 1) || null };
};

const namesFor = (name: string): string[] => {
  if (name.startsWith('@') || name.includes('/')) return [name];
  return [...packagesOfType(name), name];
};

/** Only text that looks like a path is a path, so that a folder with the name of a type is not installed by mistake. */
const pathOf = (text: string): string | null => {
  if (text.startsWith('file:')) return text.slice('file:'.length).replace(/^\/\/(?=\/)/, '');
  return /^(?:\/|[A-Za-z]:[\\/])/.test(text) ? text : null;
};

const fromPath = (file: string): PluginRequest => {
  if (!existsSync(file)) throw invalid(file, 'there is no such file or folder on this hive');
  return statSync(file).isDirectory() ? { kind: 'folder', folder: file } : { kind: 'tarball', file };
};

const invalid = (text: string, problem: string): RbeeError =>
  RbeeError.of('INVALID_INPUT', {
    what: `"${text}"`,
    problem,
    hint: 'name a worker type, an npm package, a version of it (name@1.2.3), a tarball or a folder',
  });
