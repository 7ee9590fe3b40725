/** How well a text can be compressed: one that repeats itself is a sign of a model that got stuck. */
import { deflateSync } from 'node:zlib';

export const compressionRatio = (text: string): number =>
  text === '' ? 0 : Buffer.byteLength(text) / deflateSync(text).length;
