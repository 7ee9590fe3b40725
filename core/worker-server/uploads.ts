/** Files of a form on disk: received up to a limit, and removed with their request. */
import { createWriteStream, rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { MultipartFile } from '@fastify/multipart';
import type { UploadedFile } from './options.ts';
import { fileTooLarge } from './too-large.ts';

export interface Uploads {
  readonly files: readonly UploadedFile[];
  /** Receives one file. Throws 413 if it is too large. */
  receive(part: MultipartFile): Promise<void>;
  /** Removes all received files. */
  remove(): Promise<void>;
}

/** Keeps the files of one request in its own folder, created with the first file. */
export const createUploads = (maxBytes: number, signal: AbortSignal): Uploads => {
  const files: UploadedFile[] = [];
  let folder: string | undefined;
  return {
    files,
    receive: async ({ fieldname, filename, mimetype, file }) => {
      if (folder === undefined) {
        folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
        keepTillExit(folder);
      }
      // Not under the name from the client, which may be anything.
      const path = join(folder, String(files.length));
      const written = createWriteStream(path, { mode: 0o600 });
      try {
        await pipeline(file, written, { signal });
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode === 413) throw fileTooLarge(fieldname, filename, maxBytes);
        throw error;
      }
      if (file.truncated) throw fileTooLarge(fieldname, filename, maxBytes);
      files.push({
        field: fieldname.replace(/\[\]$/, ''),
        name: basename(filename ?? ''),
        type: mimetype,
        bytes: written.bytesWritten,
        path,
        read: () => readFile(path),
      });
    },
    remove: async () => {
      if (folder === undefined) return;
      await rm(folder, { recursive: true, force: true });
      folders.delete(folder);
    },
  };
};

/** Folders in use. A process that exits with open requests removes them. */
const folders = new Set<string>();
let listens = false;

const keepTillExit = (folder: string) => {
  folders.add(folder);
  if (listens) return;
  listens = true;
  process.on('exit', () => {
    for (const one of folders) rmSync(one, { recursive: true, force: true });
  });
};

/** Removes the folders of processes that were killed during a request. */
export const removeForgottenUploads = async (): Promise<void> => {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || lives(Number(pid))) continue;
    const path = join(tmpdir(), name);
    // A PID means nothing across containers, so recent folders are kept.
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > forgottenMs) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
};

const prefix = 'rbee-upload-';
const forgottenMs = 3_600_000;

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
