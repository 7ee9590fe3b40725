/** Downloads a packed package to disk, with a size limit, and verifies its sha512. */
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pacote from 'pacote';
import ssri from 'ssri';
import { FetchError } from './fetch-error.ts';
import type { NpmOptions } from './npm-config.ts';
import { maxPackedBytes } from './unpack-package.ts';

export interface TarballRequest {
  /** In npm's notation: `name@1.2.3`, an address, `file:/path`. */
  spec: string;
  file: string;
  options: NpmOptions;
  /** Address of a registry's tarball, and its expected integrity. */
  resolved?: string;
  integrity?: string;
  /** Bytes received. */
  onProgress?: (bytes: number) => void;
}

/** Writes the package to `file` and returns its `sha512-…`. Throws if that differs from `integrity`. */
export const saveTarball = async (request: TarballRequest): Promise<string> => {
  const { spec, file, options, resolved, integrity, onProgress } = request;
  const settings = { ...options, ...(resolved && { resolved }), ...(integrity && { integrity }) };
  const save = async (stream: NodeJS.ReadableStream): Promise<void> => {
    await pipeline(stream, bounded(spec, onProgress), createWriteStream(file, { mode: 0o600 }));
  };
  await pacote.tarball.stream(spec, save as never, settings);
  // Hash the file on disk, so that exactly what was verified is unpacked.
  const sum = String(await ssri.fromStream(createReadStream(file), { algorithms: ['sha512'] }));
  if (integrity !== undefined && sum !== integrity) {
    throw new FetchError('refused', spec, `its sha512 is ${sum}, but the registry lists ${integrity}`);
  }
  return sum;
};

/** npm's library times out on a server that stalls, but not on one that never stops sending. */
const bounded = (spec: string, onProgress?: (bytes: number) => void): Transform => {
  let bytes = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      onProgress?.(bytes);
      if (bytes <= maxPackedBytes) return done(null, chunk);
      done(new FetchError('refused', spec, `it is larger than ${maxPackedBytes} bytes`));
    },
  });
};
