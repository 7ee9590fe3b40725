/** The package.json of a packed package, read without unpacking the rest. */
import { list } from 'tar';
import { FetchError } from './fetch-error.ts';
import type { PackageDocument } from './package-document.ts';

const largest = 1024 * 1024;

export const readPackedManifest = async (file: string, from: string): Promise<PackageDocument> => {
  const pieces: Buffer[] = [];
  let size = 0;
  await list({
    file,
    strict: true,
    filter: (path) => /^[^/]+\/package\.json$/.test(path),
    onReadEntry: (entry) => {
      entry.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size <= largest) pieces.push(piece);
      });
    },
  }).catch((error: Error) => {
    throw new FetchError('refused', from, `it is no packed package: ${error.message}`, error);
  });
  try {
    const document: unknown = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    if (typeof document === 'object' && document !== null && size <= largest) return document;
  } catch {
    // Said below.
  }
  throw new FetchError('refused', from, 'it holds no package.json that can be read');
};
