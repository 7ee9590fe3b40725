/** Reads parts of a file. */
import type { FileHandle } from 'node:fs/promises';

/** Returns fewer bytes only at the end of the file. */
export const readAt = async (file: FileHandle, position: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
};

/** The bytes from `start` to `end`, or to the end of the file, in pieces of `pieceBytes`. */
export async function* readRange(
  file: FileHandle,
  start: number,
  end: number,
  pieceBytes: number,
): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += pieceBytes) {
    const piece = await readAt(file, at, Math.min(pieceBytes, end - at));
    if (piece.length > 0) yield piece;
    if (piece.length < pieceBytes) return;
  }
}
