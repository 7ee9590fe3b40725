/** The bytes of a packed package, given to a reader of tar archives: bounded, and none after the end of the archive. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Parser } from 'tar';
import { FetchError } from './fetch-error.ts';

/**
 * Reads `file` into `parser` until it has ended, or until it emits an error, which is then thrown. Decompresses here:
 * what a few packed megabytes become is counted, whatever the headers of the archive say of it. `most` is in bytes.
 */
export const feed = async (file: string, parser: Parser, most: number, what: string): Promise<void> => {
  let over = false;
  // It may find more than one fault; the first is thrown.
  parser.on('error', () => {});
  const closed = once(parser, 'close');
  closed.catch(() => {
    over = true;
  });
  // Behind its end an archive may be padded with whatever a stranger likes.
  parser.on('eof', () => {
    over = true;
  });
  let bytes = 0;
  const source = pipeline(createReadStream(file), createGunzip(), () => {});
  for await (const chunk of source as AsyncIterable<Buffer>) {
    // The reader would go on decompressing by itself, with nobody counting.
    if (bytes === 0 && isCompressed(chunk)) throw new FetchError('refused', what, 'it is compressed twice');
    bytes += chunk.length;
    if (bytes > most) throw new FetchError('refused', what, `it unpacks to more than ${most} bytes`);
    if (!parser.write(chunk)) await Promise.race([once(parser, 'drain'), closed]);
    if (over) break;
  }
  parser.end();
  await closed;
};

const isCompressed = (chunk: Buffer): boolean =>
  (chunk[0] === 0x1f && chunk[1] === 0x8b) || (chunk[0] === 0x28 && chunk[1] === 0xb5);
