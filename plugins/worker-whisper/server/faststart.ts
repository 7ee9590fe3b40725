/** Reads an MP4 file with its index first, wherever it is in the file. Otherwise all of the sound would have to be kept. */
import type { FileHandle } from 'node:fs/promises';
import { AudioError } from './audio-error.ts';
import { readAt, readRange } from './file-bytes.ts';

interface Box {
  type: string;
  start: number;
  size: number;
}

/** No recording of speech has a larger index. */
const maxIndexBytes = 256 * 1024 * 1024;

/** The file in pieces of `pieceBytes`, the first one with the whole index. */
export async function* readIndexFirst(file: FileHandle, pieceBytes: number): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  const boxes = await topLevelBoxes(file, size);
  const index = boxes.find(({ type }) => type === 'moov');
  const sound = boxes.find(({ type }) => type === 'mdat');
  if (index === undefined) throw new AudioError('audio_unreadable', 'the file is cut off: its index (moov) is missing');
  if (index.size > maxIndexBytes) throw new AudioError('audio_unreadable', 'the index of the file is too large');
  const moov = await readAt(file, index.start, index.size);
  if (sound === undefined || index.start < sound.start) {
    yield Buffer.concat([await readAt(file, 0, index.start), moov]);
    yield* readRange(file, index.start + index.size, size, pieceBytes);
    return;
  }
  // Inserting the index shifts the sound and everything after it by the length of the index.
  shiftOffsets(moov, index.size);
  yield Buffer.concat([await readAt(file, 0, sound.start), moov]);
  yield* readRange(file, sound.start, index.start, pieceBytes);
}

/** The four-character codec of the first sound track; undefined if there is none. */
export const soundCodec = async (file: FileHandle): Promise<string | undefined> => {
  const index = (await topLevelBoxes(file, (await file.stat()).size)).find(({ type }) => type === 'moov');
  if (index === undefined || index.size > maxIndexBytes) return undefined;
  const moov = await readAt(file, index.start, index.size);
  let isSound = false;
  let codec: string | undefined;
  walkBoxes(moov, (type, inside) => {
    if (type === 'trak') isSound = false;
    if (type === 'smhd') isSound = true;
    // The first box follows the version and the number of boxes. Its name follows its size.
    if (type === 'stsd' && isSound) codec ??= moov.toString('latin1', inside + 12, inside + 16);
  });
  return codec;
};

const topLevelBoxes = async (file: FileHandle, fileSize: number): Promise<Box[]> => {
  const boxes: Box[] = [];
  for (let start = 0; start + 8 <= fileSize; ) {
    const head = await readAt(file, start, 16);
    const box = boxAt(head, 0, fileSize - start);
    if (box === undefined) break;
    boxes.push({ ...box, start });
    start += box.size;
  }
  return boxes.filter(({ start, size }) => start + size <= fileSize);
};

const boxAt = (bytes: Buffer, at: number, rest: number): { type: string; size: number; head: number } | undefined => {
  if (at + 8 > bytes.length) return undefined;
  const short = bytes.readUInt32BE(at);
  const type = bytes.toString('latin1', at + 4, at + 8);
  if (short === 1 && at + 16 > bytes.length) return undefined;
  const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? rest : short;
  return size < 8 ? undefined : { type, size, head: short === 1 ? 16 : 8 };
};

/** Boxes that contain only boxes, on the path to the offset tables. */
const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

const shiftOffsets = (moov: Buffer, by: number) =>
  walkBoxes(moov, (type, inside) => {
    if (type === 'stco') shiftTable(moov, inside, 4, by);
    if (type === 'co64') shiftTable(moov, inside, 8, by);
  });

/** Calls `visit` with each box and the offset of its contents, and descends into boxes of boxes. */
const walkBoxes = (moov: Buffer, visit: (type: string, inside: number) => void) => {
  const walk = (from: number, to: number) => {
    for (let at = from; at + 8 <= to; ) {
      const box = boxAt(moov, at, to - at);
      if (box === undefined) return;
      const inside = at + box.head;
      visit(box.type, inside);
      if (containers.has(box.type)) walk(inside, Math.min(to, at + box.size));
      at += box.size;
    }
  };
  walk(0, moov.length);
};

const shiftTable = (moov: Buffer, at: number, width: 4 | 8, by: number) => {
  const count = moov.readUInt32BE(at + 4);
  for (let entry = 0; entry < count; entry += 1) {
    const place = at + 8 + entry * width;
    if (place + width > moov.length) return;
    if (width === 4) moov.writeUInt32BE(moov.readUInt32BE(place) + by, place);
    else moov.writeBigUInt64BE(moov.readBigUInt64BE(place) + BigInt(by), place);
  }
};
