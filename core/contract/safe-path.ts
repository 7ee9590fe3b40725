/**
 * Turns untrusted names (from an archive, a plugin, a hive, a registry or a user) into paths inside a folder. All such
 * paths are made here, so that one rule defines valid names. Nothing here reads the disk; `realInside` also follows
 * links.
 */
import { RbeeError } from './errors.ts';

export interface PathLimits {
  /** Maximum bytes of the whole path. */
  pathBytes: number;
  /** Maximum bytes of one name in it. */
  nameBytes: number;
}

/** Limits of Linux and macOS. */
export const pathLimits: PathLimits = { pathBytes: 4_000, nameBytes: 255 };

/** The path of `words` below `folder`. `words` is one or more names separated by slashes. Errors: PATH_REFUSED. */
export const insideFolder = (folder: string, words: string, limits?: PathLimits): string => {
  const problem = pathProblem(words, limits);
  if (problem !== undefined) throw pathRefused(folder, words, problem);
  return `${folder.replace(/\/+$/, '')}/${words}`;
};

/** The path of one file or folder directly in `folder`. Errors: PATH_REFUSED. */
export const nameInFolder = (folder: string, name: string, limits?: PathLimits): string => {
  const problem = nameProblem(name, limits);
  if (problem !== undefined) throw pathRefused(folder, name, problem);
  return insideFolder(folder, name, limits);
};

export const isSafePath = (words: string, limits?: PathLimits): boolean => pathProblem(words, limits) === undefined;

export const isSafeName = (name: string, limits?: PathLimits): boolean => nameProblem(name, limits) === undefined;

/** Why this value is not a path inside a folder; undefined if it is. It may be of any type, as in untrusted JSON. */
export const pathProblem = (words: unknown, limits: PathLimits = pathLimits): string | undefined => {
  if (typeof words !== 'string') return 'it is not text';
  if (words === '') return 'it is empty';
  if (!words.isWellFormed()) return 'it is not valid Unicode';
  if (/\p{Cc}/u.test(words)) return 'it has control characters';
  if (words.includes('\\')) return 'it has a backslash';
  if (words.startsWith('/') || /^[A-Za-z]:/.test(words)) return 'it is not a relative path';
  if (bytesOf(words) > limits.pathBytes) return `it is longer than ${limits.pathBytes} bytes`;
  for (const name of words.split('/')) {
    if (name === '') return 'it has an empty name between slashes';
    if (name === '..') return 'it leads out of the folder';
    if (name === '.') return 'it has a name that is only a dot';
    if (bytesOf(name) > limits.nameBytes) return `it has a name longer than ${limits.nameBytes} bytes`;
  }
  return undefined;
};

export const nameProblem = (name: unknown, limits?: PathLimits): string | undefined =>
  pathProblem(name, limits) ?? (String(name).includes('/') ? 'it has a slash' : undefined);

/** Normalizes a path: `./a//b/` becomes `a/b`. An absolute path stays absolute, and is refused later. */
export const plainPath = (words: string): string =>
  words.startsWith('/')
    ? words
    : words
        .split('/')
        .filter((name) => name !== '' && name !== '.')
        .join('/');

/** Whether `path` is the folder itself or below it. Both must be absolute and normalized. */
export const isWithin = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

export const pathRefused = (folder: string, words: unknown, problem: string): RbeeError =>
  RbeeError.of('PATH_REFUSED', { path: shownWords(words), folder, problem });

/** Makes an untrusted name safe for a terminal: short, without control sequences. */
const shownWords = (words: unknown): string => {
  const text = typeof words === 'string' ? words : typeof words;
  const short = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return JSON.stringify(short).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
};

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
