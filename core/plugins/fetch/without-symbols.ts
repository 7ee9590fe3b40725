/**
 * A program without what only debuggers read: of Node for Linux a fifth, which every machine would be sent, unpack and
 * keep. An ELF file tells what is loaded when it runs; what lies behind that is left out, and the list of it with it.
 */

/** Whatever is no such program, or is laid out in another way, passes as it is. */
export async function* withoutSymbols(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let left = Number.POSITIVE_INFINITY;
  for await (const piece of pieces) {
    let next = piece;
    if (head) {
      head = Buffer.concat([head, piece]);
      if (head.length < headBytes) continue;
      left = loadedBytes(head) ?? left;
      next = left === Number.POSITIVE_INFINITY ? head : withoutSections(head);
      head = undefined;
    }
    // The rest is read all the same, so that whoever reads it to its end gets there.
    if (left > 0) yield next.subarray(0, left);
    left = Math.max(0, left - next.length);
  }
  if (head && head.length > 0) yield head;
}

/** The header and the list of segments lie in here. */
const headBytes = 4096;

/** Places of fields in the header of a 64-bit file. */
const at = {
  segments: 32,
  sections: 40,
  segmentSize: 54,
  segmentCount: 56,
  sectionCount: 60,
  sectionNames: 62,
} as const;

/** How much of the file is loaded; null where that cannot be told, or where more than symbols would be lost. */
const loadedBytes = (head: Buffer): number | null => {
  // 64 bits, little-endian, the present version.
  if (!head.subarray(0, 7).equals(Buffer.from('\x7fELF\x02\x01\x01', 'latin1'))) return null;
  const from = Number(head.readBigUInt64LE(at.segments));
  const size = head.readUInt16LE(at.segmentSize);
  let end = from + size * head.readUInt16LE(at.segmentCount);
  if (size < 56 || end > head.length) return null;
  for (let segment = from; segment < from + size * head.readUInt16LE(at.segmentCount); segment += size) {
    const [offset, bytes] = [head.readBigUInt64LE(segment + 8), head.readBigUInt64LE(segment + 32)];
    end = Math.max(end, Number(offset + bytes));
  }
  return end >= headBytes && Number(head.readBigUInt64LE(at.sections)) >= end ? end : null;
};

const withoutSections = (head: Buffer): Buffer => {
  head.writeBigUInt64LE(0n, at.sections);
  head.writeUInt16LE(0, at.sectionCount);
  head.writeUInt16LE(0, at.sectionNames);
  return head;
};
