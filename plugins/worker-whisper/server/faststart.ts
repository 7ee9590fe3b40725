/** Reads an MP4 file so that its index comes before its sound, wherever it stands: else all of it would have to be kept. */
import type { FileHandle } from 'node:fs/promises';
import { AudioError } from './audio-error.ts';

interface Box {
  type: string;
  start: number;
  size: number;
}

/** An index larger than that belongs to no recording of speech. */
const largestIndex = 256 * 1024 * 1024;

/** The file in pieces of `pieceBytes`, the first one with the whole index. */
export async function* readIndexFirst(file: FileHandle, pieceBytes: number): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  const boxes = await topLevelBoxes(file, size);
  const index = boxes.find(({ type }) => type === 'moov');
  const sound = boxes.find(({ type }) => type === 'mdat');
  if (index === undefined) throw new AudioError('audio_unreadable', 'the file is cut off: its index (moov) is missing');
  if (index.size > largestIndex) throw new AudioError('audio_unreadable', 'the index of the file is too large');
  const moov = await read(file, index.start, index.size);
  if (sound === undefined || index.start < sound.start) {
    yield Buffer.concat([await read(file, 0, index.start), moov]);
    yield* pieces(file, index.start + index.size, size, pieceBytes);
    return;
  }
  // Everything from the sound on comes later by the length of the index.
  shiftOffsets(moov, index.size);
  yield Buffer.concat([await read(file, 0, sound.start), moov]);
  yield* pieces(file, sound.start, index.start, pieceBytes);
}

async function* pieces(file: FileHandle, from: number, to: number, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += pieceBytes) yield read(file, at, Math.min(pieceBytes, to - at));
}

const read = async (file: FileHandle, position: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
  return buffer.subarray(0, bytesRead);
};

const topLevelBoxes = async (file: FileHandle, fileSize: number): Promise<Box[]> => {
  const boxes: Box[] = [];
  for (let start = 0; start + 8 <= fileSize; ) {
    const head = await read(file, start, 16);
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

/** Boxes that hold nothing but boxes, on the way to the tables of offsets. */
const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

const shiftOffsets = (moov: Buffer, by: number) => {
  const walk = (from: number, to: number) => {
    for (let at = from; at + 8 <= to; ) {
      const box = boxAt(moov, at, to - at);
      if (box === undefined) return;
      const inside = at + box.head;
      if (containers.has(box.type)) walk(inside, Math.min(to, at + box.size));
      else if (box.type === 'stco') shiftTable(moov, inside, 4, by);
      else if (box.type === 'co64') shiftTable(moov, inside, 8, by);
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
