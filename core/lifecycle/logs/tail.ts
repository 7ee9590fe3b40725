/** Reads the end of a log without loading all of it. */
import { type FileHandle, open } from 'node:fs/promises';

/** A part of the file, in bytes. */
export interface TailRange {
  /** Where to begin, such as after the output of an earlier process. Ignored if the file is now shorter. */
  from?: number;
  /** Where to stop. */
  end?: number;
}

/** The last `lines` lines, oldest first; empty when there is no such file. */
export const tail = async (file: string, lines: number, range?: TailRange): Promise<string[]> =>
  splitLines(await tailText(file, lines, range)).slice(-lines);

/** The same as unsplit text. */
export const tailText = async (file: string, lines: number, range: TailRange = {}): Promise<string> => {
  const handle = await openForReading(file);
  if (handle === null || lines <= 0) {
    await handle?.close();
    return '';
  }
  try {
    const size = Math.min((await handle.stat()).size, range.end ?? Number.POSITIVE_INFINITY);
    const from = range.from === undefined || range.from > size ? 0 : range.from;
    const start = await startOfLastLines(handle, from, size, lines);
    return await readText(handle, start, size);
  } finally {
    await handle.close();
  }
};

/** The most that is read from the end of a log, even if it has no line breaks. */
const maxTailBytes = 4 * 1024 * 1024;
const block = 64 * 1024;

const openForReading = async (file: string): Promise<FileHandle | null> => {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** Offset where the last `lines` lines begin. */
const startOfLastLines = async (handle: FileHandle, from: number, size: number, lines: number): Promise<number> => {
  const buffer = Buffer.alloc(block);
  const lowest = Math.max(from, size - maxTailBytes);
  let breaks = 0;
  for (let end = size; end > lowest; ) {
    const start = Math.max(lowest, end - block);
    const { bytesRead } = await handle.read(buffer, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index -= 1) {
      // A line break at the very end does not start another line.
      if (buffer[index] !== 10 || start + index === size - 1) continue;
      breaks += 1;
      if (breaks === lines) return start + index + 1;
    }
    end = start;
  }
  return lowest;
};

const readText = async (handle: FileHandle, start: number, end: number): Promise<string> => {
  const buffer = Buffer.alloc(end - start);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
  return buffer.toString('utf8', 0, bytesRead);
};

const splitLines = (text: string): string[] => {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
};
