/** Reads zip archives entry by entry. */
import type { Entry } from 'yauzl';
import type { UnpackJob } from './decompress.ts';
import { EntryRefused } from './entry-rules.ts';
import type { EntrySink } from './tree-writer.ts';

/** Bytes of the target of a symbolic link. */
const maxTargetBytes = 4096;

export const unpackZip = async ({ archive, onProgress }: UnpackJob, sink: EntrySink): Promise<void> => {
  const { openPromise } = (await import('yauzl')).default;
  const zip = await openPromise(archive, { autoClose: false, strictFileNames: true });
  try {
    for await (const entry of zip.eachEntry()) {
      await write(entry);
      // Entries come in directory order, which nearly always is the order in the file.
      onProgress(Math.min(zip.fileSize, entry.relativeOffsetOfLocalHeader + entry.compressedSize), zip.fileSize);
    }
    onProgress(zip.fileSize, zip.fileSize);
  } finally {
    zip.close();
  }

  async function write(entry: Entry): Promise<void> {
    const { fileName } = entry;
    if (!entry.canDecodeFileData())
      throw new EntryRefused(`"${fileName}" is encrypted or uses an unsupported compression`);
    const mode = unixMode(entry);
    if (fileName.endsWith('/')) return sink.folder(fileName);
    const body = await zip.openReadStreamPromise(entry);
    if ((mode & kindBits) === symlinkKind) return sink.symlink(fileName, await readTarget(fileName, body));
    if ((mode & kindBits) !== 0 && (mode & kindBits) !== fileKind)
      throw new EntryRefused(`"${fileName}" is not a regular file`);
    return sink.file({ name: fileName, mode: mode === 0 ? 0o644 : mode, size: entry.uncompressedSize }, body);
  }
};

const kindBits = 0o170000;
const fileKind = 0o100000;
const symlinkKind = 0o120000;

/** Unix file type and permissions; 0 if the archive was made on a system without them. */
const unixMode = (entry: Entry): number => {
  const madeOn = entry.versionMadeBy >>> 8;
  return madeOn === 3 || madeOn === 19 ? entry.externalFileAttributes >>> 16 : 0;
};

const readTarget = async (name: string, body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxTargetBytes) throw new EntryRefused(`the target of the link "${name}" is too long for a path`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
