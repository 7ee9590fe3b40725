/**
 * Looks through a package of a stranger before anything of it is written: only files and folders, only inside
 * `package/`, each name once, and no more of them than a plugin can need.
 */

import { Parser, type ReadEntry } from 'tar';
import { pathProblem, plainPath } from '../../contract/safe-path.ts';
import { FetchError } from './fetch-error.ts';
import { feed } from './unpack-feed.ts';

/** Bytes and numbers beyond which a package is no plugin. */
export const limits = {
  packedBytes: 1024 ** 3,
  unpackedBytes: 2 * 1024 ** 3,
  files: 50_000,
  manifestBytes: 1024 ** 2,
} as const;

type Limits = Pick<Record<keyof typeof limits, number>, 'unpackedBytes' | 'files'>;

export interface Survey {
  bytes: number;
  files: number;
  /** Its package.json as it stands there; null where there is none of a reasonable size. */
  manifest: string | null;
}

/** Reads the package in `file` to its end. `what` names it in errors. Throws a FetchError that says why it is refused. */
export const surveyPackage = async (file: string, what: string, most: Limits = limits): Promise<Survey> => {
  let [bytes, files] = [0, 0];
  let refusal: FetchError | undefined;
  const names = new Map<string, ReadEntry>();
  const look = (entry: ReadEntry): string | undefined => {
    files += 1;
    bytes += entry.size;
    if (bytes > most.unpackedBytes) return `it unpacks to more than ${most.unpackedBytes} bytes`;
    if (files > most.files) return `it holds more than ${most.files} files`;
    return entryProblem(entry) ?? twinProblem(entry, names);
  };
  const refuse = (problem: string): false => {
    refusal ??= new FetchError('refused', what, problem);
    parser.emit('error', refusal);
    return false;
  };
  const pieces: Buffer[] = [];
  const parser = new Parser({
    strict: true,
    // Called for each header as it is read; entries themselves come when the ones before them have been read.
    filter: (_path, stat) => {
      const problem = look(stat as ReadEntry);
      return problem === undefined || refuse(problem);
    },
    onReadEntry: (entry) => {
      if (isManifest(entry)) entry.on('data', (piece: Buffer) => pieces.push(piece));
      else entry.resume();
    },
  });
  parser.on('ignoredEntry', ({ type, path }: ReadEntry) => refuse(`it holds a ${type}: ${path}`));
  try {
    // The headers of all its files come on top of what is in them.
    await feed(file, parser, most.unpackedBytes + most.files * 2_048, what);
  } catch (error) {
    if (refusal) throw refusal;
    if (error instanceof FetchError) throw error;
    throw new FetchError('refused', what, `it cannot be unpacked: ${(error as Error).message}`, error);
  }
  if (files === 0) throw new FetchError('refused', what, 'it is empty');
  return { bytes, files, manifest: pieces.length === 0 ? null : Buffer.concat(pieces).toString('utf8') };
};

const isManifest = ({ path, size }: ReadEntry): boolean =>
  /^[^/]+\/package\.json$/.test(path) && size <= limits.manifestBytes;

const isFile = ({ type }: ReadEntry): boolean => type === 'File' || type === 'OldFile';

const entryProblem = (entry: ReadEntry): string | undefined => {
  const { type, path } = entry;
  if (type === 'SymbolicLink' || type === 'Link') return `it holds a link: ${path}`;
  if (!isFile(entry) && type !== 'Directory') return `it holds a ${type}: ${path}`;
  const problem = pathProblem(plainPath(path));
  return problem === undefined ? undefined : `it holds a file that lies outside of it: ${path} (${problem})`;
};

/** Which of two such files is there would depend on the file system: another code on another machine. */
const twinProblem = (entry: ReadEntry, names: Map<string, ReadEntry>): string | undefined => {
  const parts = entry.path.split('/').filter((part) => part !== '' && part !== '.');
  // The outermost folder, whatever its name, is the package.
  const key = parts.slice(1).join('/').normalize('NFC').toLowerCase();
  const twin = names.get(key);
  names.set(key, entry);
  if (!twin || (!isFile(twin) && !isFile(entry))) return undefined;
  return twin.path === entry.path
    ? `it holds ${entry.path} twice`
    : `it holds two files of nearly the same name: ${twin.path} and ${entry.path}`;
};
