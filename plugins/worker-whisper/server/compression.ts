/** How well a text compresses: a repetitive text means that the model got stuck. */
import { deflateSync } from 'node:zlib';

export const compressionRatio = (text: string): number =>
  text === '' ? 0 : Buffer.byteLength(text) / deflateSync(text).length;
