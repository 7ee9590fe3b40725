/** Reads zip archives entry by entry. The one file that knows yauzl. */
import type { Entry } from 'yauzl';
import type { TreeWriter } from './tree-writer.ts';
import type { UnpackJob } from './unpack-job.ts';

/** Longest target of a symbolic link, in bytes. */
const longestTarget = 4096;

export const unpackZip = async ({ archive, onProgress }: UnpackJob, tree: TreeWriter): Promise<void> => {
  const { openPromise } = (await import('yauzl')).default;
  const zip = await openPromise(archive, { autoClose: false, strictFileNames: true });
  try {
    for await (const entry of zip.eachEntry()) {
      await write(entry);
      // Entries come in the order of their directory, which is nearly always that of the file.
      onProgress(Math.min(zip.fileSize, entry.relativeOffsetOfLocalHeader + entry.compressedSize), zip.fileSize);
    }
    onProgress(zip.fileSize, zip.fileSize);
  } finally {
    zip.close();
  }

  async function write(entry: Entry): Promise<void> {
    const { fileName } = entry;
    if (!entry.canDecodeFileData()) throw new Error(`"${fileName}" is encrypted or packed in an unknown way`);
    const mode = unixMode(entry);
    if (fileName.endsWith('/')) return tree.folder(fileName);
    const body = await zip.openReadStreamPromise(entry);
    if ((mode & kindBits) === symlinkKind) return tree.symlink(fileName, await readTarget(fileName, body));
    if ((mode & kindBits) !== 0 && (mode & kindBits) !== fileKind) throw new Error(`"${fileName}" is not a file`);
    return tree.file(fileName, mode === 0 ? 0o644 : mode, body);
  }
};

const kindBits = 0o170000;
const fileKind = 0o100000;
const symlinkKind = 0o120000;

/** Kind and permissions as Unix has them; 0 from systems that have none. */
const unixMode = (entry: Entry): number => {
  const madeOn = entry.versionMadeBy >>> 8;
  return madeOn === 3 || madeOn === 19 ? entry.externalFileAttributes >>> 16 : 0;
};

const readTarget = async (name: string, body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > longestTarget) throw new Error(`the link "${name}" is longer than any path`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
