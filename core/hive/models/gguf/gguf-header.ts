/**
 * Reads the header of a GGUF file: its simple metadata and its parameter count. Arrays are skipped: a vocabulary has
 * hundreds of thousands of entries. Reads synchronously, because it runs in its own thread.
 */
import { closeSync, openSync, readSync } from 'node:fs';

export interface GgufHeader {
  /** Flat keys; arrays and long texts are left out. */
  metadata: Readonly<Record<string, string | number | boolean>>;
  /** Keys of texts that were too long to store. */
  longTexts: readonly string[];
  parameters: number;
}

/** Throws an error that says what is wrong with the file. */
export const readGgufHeader = (path: string): GgufHeader => {
  const descriptor = openSync(path, 'r');
  try {
    return readHeader(createCursor(descriptor));
  } finally {
    closeSync(descriptor);
  }
};

/** Far larger than the header of any real model. */
const maxBytes = 256 * 1024 * 1024;
const maxEntries = 100_000;
const maxTensors = 1_000_000;
const maxKeptLength = 4_000;
/** Limit for a chat template, from which worker types read what a model can do. */
const maxTemplateLength = 64 * 1024;
const maxNameLength = 64 * 1024;
const valueTypes = { boolean: 7, string: 8, array: 9 } as const;
/** Size in bytes of each fixed-size type. */
const sizes: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

const readHeader = (cursor: Cursor): GgufHeader => {
  if (cursor.bytes(4).toString('latin1') !== 'GGUF') throw new Error('it does not start with "GGUF"');
  const version = cursor.bytes(4).readUInt32LE();
  if (version < 2 || version > 3) throw new Error(`its version ${version} is unknown`);
  const tensors = cursor.count(maxTensors);
  const entries = cursor.count(maxEntries);
  const metadata: Record<string, string | number | boolean> = Object.create(null);
  const longTexts: string[] = [];
  for (let index = 0; index < entries; index += 1) {
    const key = cursor.bytes(cursor.count(maxNameLength)).toString('utf8');
    const type = cursor.bytes(4).readUInt32LE();
    if (type === valueTypes.array) {
      skipList(cursor, 0);
    } else if (type === valueTypes.string) {
      const length = cursor.count(maxBytes);
      if (length > (key === 'tokenizer.chat_template' ? maxTemplateLength : maxKeptLength)) {
        cursor.skip(length);
        longTexts.push(key);
      } else {
        metadata[key] = cursor.bytes(length).toString('utf8');
      }
    } else {
      metadata[key] = readScalar(cursor, type);
    }
  }
  let parameters = 0;
  for (let index = 0; index < tensors; index += 1) parameters += readTensor(cursor);
  return { metadata: { ...metadata }, longTexts, parameters };
};

const readScalar = (cursor: Cursor, type: number): number | boolean => {
  const bytes = cursor.bytes(sizeOf(type));
  if (type === valueTypes.boolean) return bytes[0] !== 0;
  if (type === 6) return bytes.readFloatLE();
  if (type === 12) return bytes.readDoubleLE();
  if (type === 10) return Number(bytes.readBigUInt64LE());
  if (type === 11) return Number(bytes.readBigInt64LE());
  const signed = type === 1 || type === 3 || type === 5;
  return signed ? bytes.readIntLE(0, bytes.length) : bytes.readUIntLE(0, bytes.length);
};

const skipList = (cursor: Cursor, depth: number): void => {
  if (depth > 4) throw new Error('its metadata is nested too deeply');
  const type = cursor.bytes(4).readUInt32LE();
  const length = cursor.count(maxBytes);
  if (type === valueTypes.string) for (let index = 0; index < length; index += 1) cursor.skip(cursor.count(maxBytes));
  else if (type === valueTypes.array) for (let index = 0; index < length; index += 1) skipList(cursor, depth + 1);
  else cursor.skip(length * sizeOf(type));
};

const sizeOf = (type: number): number => {
  const size = sizes[type];
  if (size === undefined) throw new Error(`its metadata has the unknown type ${type}`);
  return size;
};

/** Its number of values. */
const readTensor = (cursor: Cursor): number => {
  cursor.skip(cursor.count(maxNameLength));
  const dimensions = cursor.bytes(4).readUInt32LE();
  if (dimensions > 8) throw new Error(`a tensor has ${dimensions} dimensions`);
  let values = 1;
  for (let index = 0; index < dimensions; index += 1) values *= Number(cursor.bytes(8).readBigUInt64LE());
  cursor.skip(4 + 8);
  return values;
};

interface Cursor {
  /** Valid until the next read. */
  bytes(length: number): Buffer;
  skip(length: number): void;
  /** An unsigned 64-bit number no larger than `max`. */
  count(max: number): number;
}

const windowBytes = 1024 * 1024;

const createCursor = (descriptor: number): Cursor => {
  let window = Buffer.alloc(0);
  /** Offset of the window in the file, and of the next byte in the window. */
  let start = 0;
  let at = 0;
  const cursor: Cursor = {
    bytes: (length) => {
      if (at + length > window.length) {
        start += at;
        at = 0;
        if (start + length > maxBytes) throw new Error(`its header has more than ${maxBytes} bytes`);
        const fresh = Buffer.alloc(Math.max(windowBytes, length));
        window = fresh.subarray(0, readFully(descriptor, fresh, start));
        if (window.length < length) throw new Error('it ends within its header');
      }
      at += length;
      return window.subarray(at - length, at);
    },
    skip: (length) => {
      at += length;
      if (start + at > maxBytes) throw new Error(`its header has more than ${maxBytes} bytes`);
    },
    count: (max) => {
      const count = cursor.bytes(8).readBigUInt64LE();
      if (count > BigInt(max)) throw new Error(`it contains a count of ${count}, which is too large`);
      return Number(count);
    },
  };
  return cursor;
};

const readFully = (descriptor: number, into: Buffer, from: number): number => {
  let read = 0;
  for (let more = -1; more !== 0 && read < into.length; read += more) {
    more = readSync(descriptor, into, read, into.length - read, from + read);
  }
  return read;
};
