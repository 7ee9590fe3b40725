/** Writes little-endian GGUF version 3: a header of typed metadata, a list of tensors, and their aligned data. */

export type Metadata =
  | { type: 'u32' | 'i32' | 'f32'; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'strings'; value: readonly string[] }
  | { type: 'i32s' | 'f32s'; value: readonly number[] };

/** A tensor of 32-bit floats; `shape` starts with the length of a row. */
export interface Tensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
}

const typeIds = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const f32Tensor = 0;
const alignment = 32;

/** The complete file; the same input gives the same bytes on every platform. */
export const writeGguf = (metadata: Readonly<Record<string, Metadata>>, tensors: readonly Tensor[]): Buffer => {
  const entries = Object.entries(metadata);
  const parts: Buffer[] = [
    Buffer.from('GGUF', 'latin1'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, entry]) => [text(key), ...encode(entry)]),
  ];
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    parts.push(text(name), u32(shape.length), ...shape.map(u64), u32(f32Tensor), u64(offset));
    offset += aligned(data.byteLength);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([padded(header), ...tensors.map(({ data }) => padded(floats(data)))]);
};

const encode = (entry: Metadata): Buffer[] => {
  switch (entry.type) {
    case 'strings':
      return [u32(typeIds.array), u32(typeIds.string), u64(entry.value.length), ...entry.value.map(text)];
    case 'i32s':
      return [u32(typeIds.array), u32(typeIds.i32), u64(entry.value.length), ...entry.value.map(i32)];
    case 'f32s':
      return [u32(typeIds.array), u32(typeIds.f32), u64(entry.value.length), floats(Float32Array.from(entry.value))];
    case 'string':
      return [u32(typeIds.string), text(entry.value)];
    case 'bool':
      return [u32(typeIds.bool), Buffer.from([entry.value ? 1 : 0])];
    case 'f32':
      return [u32(typeIds.f32), floats(Float32Array.of(entry.value))];
    case 'i32':
      return [u32(typeIds.i32), i32(entry.value)];
    case 'u32':
      return [u32(typeIds.u32), u32(entry.value)];
  }
};

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const i32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
};

/** Written one by one, so that a big-endian machine writes the same file. */
const floats = (values: Float32Array): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes;
};

const aligned = (length: number) => Math.ceil(length / alignment) * alignment;

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]);
