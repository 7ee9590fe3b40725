/**
 * Unpacks a package of a stranger: only files and folders, only inside `package/`, no special bits, and no more of them
 * than a plugin can need.
 */
import { mkdir } from 'node:fs/promises';
import { x as extract, type ReadEntry } from 'tar';
import { FetchError } from './fetch-error.ts';

/** Bytes and numbers beyond which a package is no plugin. */
export const limits = {
  packedBytes: 1024 ** 3,
  unpackedBytes: 2 * 1024 ** 3,
  files: 50_000,
} as const;

export interface Unpacked {
  bytes: number;
  files: number;
}

/** Unpacks `file` into `folder`. `what` names the package in errors. */
export const unpackPackage = async (file: string, folder: string, what: string): Promise<Unpacked> => {
  const sum: Unpacked = { bytes: 0, files: 0 };
  let refusal: FetchError | undefined;
  const refuse = (problem: string): false => {
    refusal ??= new FetchError('refused', what, problem);
    return false;
  };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await extract({
      file,
      cwd: folder,
      strip: 1,
      preserveOwner: false,
      strict: true,
      filter: (path, stat) => {
        if (refusal) return false;
        const entry = stat as ReadEntry;
        const problem = entryProblem(path, entry);
        if (problem) return refuse(problem);
        sum.files += 1;
        sum.bytes += entry.size;
        if (sum.bytes > limits.unpackedBytes) return refuse(`it unpacks to more than ${limits.unpackedBytes} bytes`);
        if (sum.files > limits.files) return refuse(`it holds more than ${limits.files} files`);
        entry.mode = ((entry.mode ?? 0o644) & 0o755) | (entry.type === 'Directory' ? 0o700 : 0o600);
        return true;
      },
    });
  } catch (error) {
    throw refusal ?? new FetchError('refused', what, `it cannot be unpacked: ${(error as Error).message}`, error);
  }
  if (refusal) throw refusal;
  if (sum.files === 0) throw new FetchError('refused', what, 'it is empty');
  return sum;
};

const entryProblem = (path: string, entry: ReadEntry): string | undefined => {
  const { type } = entry;
  if (type === 'SymbolicLink' || type === 'Link') return `it holds a link: ${path}`;
  if (type !== 'File' && type !== 'OldFile' && type !== 'Directory') return `it holds a ${type}: ${path}`;
  const parts = path.split(/[\\/]/);
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path) || parts.includes('..')) {
    return `it holds a file that lies outside of it: ${path}`;
  }
  return undefined;
};
