/**
 * Reads the header of a GGUF file: metadata and the positions of the tensors. This comes before llama.cpp, which reports
 * many faults only as a failure to load, and aborts the process on some.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export type GgufValue = string | number | bigint | boolean | readonly GgufValue[];

export interface GgufTensor {
  name: string;
  /** Size of each dimension, the length of a row first. */
  shape: readonly number[];
  /** GGML's format number. */
  type: number;
  /** Offset of its data, in bytes from the start of the file. */
  offset: number;
}

export interface GgufHeader {
  version: number;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: readonly GgufTensor[];
  /** Size of the file in bytes. */
  fileSize: number;
}

/** The file is not GGUF, or its header is damaged. The message says which, without the path. */
export class GgufError extends Error {
  override readonly name = 'GgufError';
}

/** Reads the header only, not the data. Throws a `GgufError`, or the file system's error. */
export const readGgufHeader = (path: string): GgufHeader => {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    return readHeader(createCursor(descriptor, size), size);
  } finally {
    closeSync(descriptor);
  }
};

/** Far above any real model: a larger number means damage. */
const maxEntries = 1_000_000;
const defaultAlignment = 32;
const valueTypes = { string: 8, array: 9 } as const;

const readHeader = (cursor: Cursor, fileSize: number): GgufHeader => {
  const magic = cursor.take(Math.min(4, fileSize)).toString('latin1');
  if (magic !== 'GGUF') {
    const shown = JSON.stringify(magic.replace(/[^\x20-\x7e]/g, '?'));
    throw new GgufError(`it begins with ${shown} where "GGUF" is expected`);
  }
  const version = cursor.take(4).readUInt32LE();
  if (version >= 0x1_00_00) {
    throw new GgufError(
      'it is for big-endian machines: download the little-endian file, or convert it with gguf_convert_endian.py',
    );
  }
  if (version < 2 || version > 3) throw new GgufError(`its GGUF version ${version} is not known`);
  const tensorCount = cursor.count('tensors');
  const entryCount = cursor.count('metadata entries');
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < entryCount; index += 1) {
    const key = cursor.text();
    metadata.set(key, readValue(cursor, cursor.take(4).readUInt32LE()));
  }
  const tensors = Array.from({ length: tensorCount }, () => readTensor(cursor));
  const given = metadata.get('general.alignment');
  const alignment = typeof given === 'number' && given > 0 ? given : defaultAlignment;
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return {
    version,
    metadata,
    tensors: tensors.map((tensor) => ({ ...tensor, offset: tensor.offset + dataStart })),
    fileSize,
  };
};

const readTensor = (cursor: Cursor): GgufTensor => {
  const name = cursor.text();
  const dimensions = cursor.take(4).readUInt32LE();
  if (dimensions > 8) throw new GgufError(`the tensor ${name} has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => cursor.long());
  return { name, shape, type: cursor.take(4).readUInt32LE(), offset: cursor.long() };
};

/** Readers of single values, by GGUF's type number. */
const scalars: Readonly<Record<number, (cursor: Cursor) => GgufValue>> = {
  0: (cursor) => cursor.take(1).readUInt8(),
  1: (cursor) => cursor.take(1).readInt8(),
  2: (cursor) => cursor.take(2).readUInt16LE(),
  3: (cursor) => cursor.take(2).readInt16LE(),
  4: (cursor) => cursor.take(4).readUInt32LE(),
  5: (cursor) => cursor.take(4).readInt32LE(),
  6: (cursor) => cursor.take(4).readFloatLE(),
  7: (cursor) => cursor.take(1).readUInt8() !== 0,
  [valueTypes.string]: (cursor) => cursor.text(),
  10: (cursor) => cursor.take(8).readBigUInt64LE(),
  11: (cursor) => cursor.take(8).readBigInt64LE(),
  12: (cursor) => cursor.take(8).readDoubleLE(),
};

const readValue = (cursor: Cursor, type: number, depth = 0): GgufValue => {
  if (type === valueTypes.array) {
    if (depth > 2) throw new GgufError('its metadata is nested too deeply');
    const elementType = cursor.take(4).readUInt32LE();
    const length = cursor.count('elements of a list', 100_000_000);
    const list: GgufValue[] = [];
    for (let index = 0; index < length; index += 1) list.push(readValue(cursor, elementType, depth + 1));
    return list;
  }
  const read = scalars[type];
  if (read === undefined) throw new GgufError(`its metadata has a value of the unknown type ${type}`);
  return read(cursor);
};

interface Cursor {
  readonly position: number;
  /** The next bytes. Throws a `GgufError` if the file ends before. */
  take(length: number): Buffer;
  /** A 64-bit number. Throws if a double cannot hold it. */
  long(): number;
  /** A 64-bit count. Throws if it is absurdly high. */
  count(things: string, max?: number): number;
  text(): string;
}

const chunkBytes = 1024 * 1024;

const createCursor = (descriptor: number, fileSize: number): Cursor => {
  let chunk: Buffer = Buffer.alloc(0);
  let place = 0;
  let position = 0;

  const fill = (length: number) => {
    const rest = chunk.subarray(place);
    const wanted = Math.min(Math.max(chunkBytes, length), fileSize - position);
    const next = Buffer.alloc(rest.length > wanted ? rest.length : wanted);
    rest.copy(next);
    let filled = rest.length;
    while (filled < next.length) {
      const read = readSync(descriptor, next, filled, next.length - filled, position + filled);
      if (read === 0) throw new GgufError('its header is cut off');
      filled += read;
    }
    chunk = next;
    place = 0;
  };

  const take = (length: number) => {
    if (position + length > fileSize) throw new GgufError('its header is cut off');
    if (place + length > chunk.length) fill(length);
    const bytes = chunk.subarray(place, place + length);
    place += length;
    position += length;
    return bytes;
  };

  const long = () => {
    const value = take(8).readBigUInt64LE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new GgufError('its header is damaged');
    return Number(value);
  };

  const count = (things: string, max = maxEntries) => {
    const value = long();
    if (value > max) throw new GgufError(`its header is damaged: it claims ${value} ${things}`);
    return value;
  };

  return {
    get position() {
      return position;
    },
    take,
    long,
    count,
    text: () => take(count('characters', fileSize)).toString('utf8'),
  };
};
