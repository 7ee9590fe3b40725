/**
 * Splits FLAC so that no piece ends within the header of a frame: the decoder (codec-parser 2.5) skips a header that it has
 * seen only in part, and loses the frame.
 */
export async function* cutOutsideHeads(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = Buffer.alloc(0);
  for await (const piece of pieces) {
    const bytes = Buffer.concat([held, piece]);
    const end = startOfLastHead(bytes);
    held = bytes.subarray(end);
    if (end > 0) yield bytes.subarray(0, end);
  }
  if (held.length > 0) yield held;
}

const maxHeadBytes = 16;

/** Where a possible incomplete header starts; the length if there is none. */
const startOfLastHead = (bytes: Buffer): number => {
  for (let at = Math.max(0, bytes.length - maxHeadBytes); at < bytes.length; at += 1) {
    if (bytes[at] === 0xff && (at + 1 === bytes.length || ((bytes[at + 1] ?? 0) & 0xfe) === 0xf8)) return at;
  }
  return bytes.length;
};
