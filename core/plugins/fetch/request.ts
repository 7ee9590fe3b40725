/** What a user named to be installed, as places to look for it. Pure. */
import { existsSync, statSync } from 'node:fs';
import { RbeeError } from '../../contract/errors.ts';

/** `candidates` are asked of the registry in turn until one of them is there. */
export type PluginRequest =
  | { kind: 'registry'; candidates: readonly Candidate[] }
  /** An absolute path of a package that was packed with `npm pack`. */
  | { kind: 'tarball'; file: string }
  /** A folder with an absolute path: packed first, without running any script of it. */
  | { kind: 'folder'; folder: string }
  /** Cloned and then packed, likewise. */
  | { kind: 'git'; address: string }
  /** The address of a packed package. */
  | { kind: 'remote'; url: string };

export interface Candidate {
  name: string;
  /** Version, range or tag, as it was written; null when none was. */
  range: string | null;
}

const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const git = /^(?:git[+:]|github:|gitlab:|bitbucket:|[^/@]+@[^/]+:|https?:.*\.git(?:#|$))/;
const typeName = /^[a-z0-9][a-z0-9.-]{0,40}$/;

/**
 * Reads what stands after `rbee plugins install`. A bare word is a worker type first and an npm package second.
 * Errors: INVALID_INPUT.
 */
export const parseRequest = (text: string): PluginRequest => {
  const file = pathOf(text);
  if (file !== null) return fromPath(file);
  if (git.test(text)) return { kind: 'git', address: text };
  if (/^https?:\/\//.test(text)) return { kind: 'remote', url: text };
  const { name, range } = splitRange(text);
  if (!packageName.test(name) || name.length > 214) throw invalid(text, 'it is no name of a package or worker type');
  if (range !== null && !/^[A-Za-z0-9^~<>=.*+ |-]{1,100}$/.test(range)) {
    throw invalid(text, `"${range}" is no version, range or tag`);
  }
  return { kind: 'registry', candidates: namesFor(name).map((one) => ({ name: one, range })) };
};

/** The packages that may bring a worker type of this name; none when it cannot be the name of one. */
export const packagesOfType = (type: string): string[] => {
  const word = type.toLowerCase();
  if (!typeName.test(word)) return [];
  // `llama-cpp` and `llama.cpp` are `llamacpp`: where the name as written is not there, the letters alone may be.
  return [...new Set([word, word.replace(/[.-]/g, '')])]
    .filter((name) => !name.includes('.'))
    .map((name) => `@rbee/worker-${name}`);
};

/** Splits `name@range`; the `@` of a scope does not count. */
export const splitRange = (text: string): Candidate => {
  const at = text.indexOf('@', 1);
  return at === -1 ? { name: text, range: null } : { name: text.slice(0, at), range: text.slice(at + 1) || null };
};

const namesFor = (name: string): string[] => {
  if (name.startsWith('@') || name.includes('/')) return [name];
  return [...packagesOfType(name), name];
};

/** Only what is written like a path is one: a folder that happens to be named like a type must not be taken for it. */
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
