/** Installs a program from release archives. */

import { chmod } from 'node:fs/promises';
import { basename } from 'node:path';
import { unpackArchive } from '../archives/unpack.ts';
import { RbeeError } from '../contract/errors.ts';
import { insideFolder, plainPath } from '../contract/safe-path.ts';
import type { ArchiveFile, BinarySource } from '../contract/worker-type/worker-type.ts';
import { isFile } from '../lifecycle/fs/file-kind.ts';
import { realInside } from '../lifecycle/fs/real-inside.ts';
import type { BinaryContext } from './context.ts';
import { executableProblem } from './find-program.ts';
import type { Look } from './on-machine.ts';
import { downloadsFolder } from './places.ts';
import { asStep } from './progress.ts';

type ArchiveSource = Extract<BinarySource, { kind: 'archive' }>;

/** Everything that determines the contents of the installed folder; the URLs do not. */
export const archiveContents = ({ member, overlays = [], ...first }: ArchiveSource): unknown => [
  member,
  ...[first, ...overlays].map(({ sha256, format, strip, url }) => [
    sha256,
    format,
    strip,
    format === 'file' && nameOf(url),
  ]),
];

/** Errors: any from `fetch`, ARCHIVE_INVALID, NO_SPACE, STATE_UNWRITABLE. */
export const buildArchive = async (
  source: ArchiveSource,
  folder: string,
  context: BinaryContext,
): Promise<Record<string, string>> => {
  const { narrate, signal, fetcher, folders } = context;
  const files: ArchiveFile[] = [source, ...(source.overlays ?? [])];
  for (const file of files) {
    const [name, id] = [nameOf(file.url), `${basename(folder)}-${file.sha256.slice(0, 8)}`];
    const from = new URL(file.url).host;
    const archive = await asStep(
      narrate,
      { id: `download-${id}`, text: `downloading ${name} from ${from}`, done: `downloaded ${name}`, unit: 'bytes' },
      (onProgress) =>
        fetcher.fetch(file.url, {
          to: downloadsFolder(folders),
          sha256: file.sha256,
          signal,
          onProgress,
          onWait: () =>
            narrate({ kind: 'info', text: `${name} is already being downloaded by another process; waiting for it` }),
        }),
    );
    await asStep(
      narrate,
      { id: `unpack-${id}`, text: `unpacking ${name}`, done: `unpacked ${name}`, unit: 'bytes' },
      (onProgress) =>
        unpackArchive(archive, folder, { format: file.format, strip: file.strip, name, signal, onProgress }),
    );
  }
  await makeExecutable(source, folder);
  return { sha256: files.map((file) => file.sha256).join(' ') };
};

export const lookForMember = async (source: ArchiveSource, folder: string): Promise<Look> => {
  const path = insideFolder(folder, plainPath(source.member));
  const problem = await executableProblem(path);
  return problem ? { problem: `${source.member} of its archive ${problem}` } : { path, argv: [path] };
};

/** Archives packed on systems without file modes do not mark programs as executable. */
const makeExecutable = async (source: ArchiveSource, folder: string): Promise<void> => {
  const path = await realInside(folder, plainPath(source.member)).catch(() => null);
  if (path === null || !(await isFile(path))) {
    const problem = `it does not contain ${source.member}`;
    throw RbeeError.of('ARCHIVE_INVALID', { archive: nameOf(source.url), problem });
  }
  if ((await executableProblem(path)) !== undefined) await chmod(path, 0o755);
};

const nameOf = (url: string): string => decodeURIComponent(basename(new URL(url).pathname)) || 'download';
