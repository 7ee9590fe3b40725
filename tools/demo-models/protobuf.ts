/** The Protocol Buffers wire types that an ONNX file uses. A message is the concatenation of its fields. */

/** An integer: varint, wire type 0. A negative one takes ten bytes, as the format requires. */
export const int = (field: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(field << 3), varint(BigInt.asUintN(64, BigInt(value)))]);

/** A 32-bit float, wire type 5. */
export const float = (field: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | 5), bytes]);
};

/** Text, raw bytes, or another message: wire type 2. */
export const bytes = (field: number, content: Buffer | string): Buffer => {
  const body = Buffer.from(content);
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
};

const varint = (value: number | bigint): Buffer => {
  const out: number[] = [];
  let rest = BigInt(value);
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(out);
};
