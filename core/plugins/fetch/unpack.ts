/** Unpacks a package of a stranger that has been looked through: into its own folder, without special bits. */
import { mkdir } from 'node:fs/promises';
import { type ReadEntry, Unpack } from 'tar';
import { FetchError } from './fetch-error.ts';
import { feed } from './unpack-feed.ts';
import { type Survey, surveyPackage } from './unpack-survey.ts';

export type Unpacked = Pick<Survey, 'bytes' | 'files'>;

/** Unpacks `file` into `folder`; writes nothing of a package that is refused. `what` names it in errors. */
export const unpackPackage = async (file: string, folder: string, what: string): Promise<Unpacked> => {
  const { bytes, files } = await surveyPackage(file, what);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unpack = new Unpack({
    cwd: folder,
    strip: 1,
    preserveOwner: false,
    strict: true,
    filter: (_path, stat) => {
      const entry = stat as ReadEntry;
      entry.mode = ((entry.mode ?? 0o644) & 0o755) | (entry.type === 'Directory' ? 0o700 : 0o600);
      return true;
    },
  });
  try {
    await feed(file, unpack, Number.POSITIVE_INFINITY, what);
  } catch (error) {
    throw new FetchError('refused', what, `it cannot be unpacked: ${(error as Error).message}`, error);
  }
  return { bytes, files };
};
