/** The packed package on disk: no larger than a plugin can be, and what its sha512 says. */
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pacote from 'pacote';
import ssri from 'ssri';
import { FetchError } from './fetch-error.ts';
import type { NpmOptions } from './npm-config.ts';
import { limits } from './unpack-survey.ts';

export interface TarballRequest {
  /** As npm writes it: `name@1.2.3`, an address, `file:/path`. */
  spec: string;
  file: string;
  options: NpmOptions;
  /** Address of a registry's tarball, and what it has to be. */
  resolved?: string;
  integrity?: string;
  /** Bytes that have arrived. */
  onProgress?: (bytes: number) => void;
}

/** Writes the package to `file` and gives its `sha512-…`. Throws when it is not what `integrity` says. */
export const saveTarball = async (request: TarballRequest): Promise<string> => {
  const { spec, file, options, resolved, integrity, onProgress } = request;
  const settings = { ...options, ...(resolved && { resolved }), ...(integrity && { integrity }) };
  const save = async (stream: NodeJS.ReadableStream): Promise<void> => {
    await pipeline(stream, bounded(spec, onProgress), createWriteStream(file, { mode: 0o600 }));
  };
  await pacote.tarball.stream(spec, save as never, settings);
  // Read again from disk: what is unpacked is what was checked.
  const sum = String(await ssri.fromStream(createReadStream(file), { algorithms: ['sha512'] }));
  if (integrity !== undefined && sum !== integrity) {
    throw new FetchError('refused', spec, `its sha512 is ${sum}, the registry announced ${integrity}`);
  }
  return sum;
};

/** Npm's library gives up on a server that stops in the middle, but not on one that never does. */
const bounded = (spec: string, onProgress?: (bytes: number) => void): Transform => {
  let bytes = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      onProgress?.(bytes);
      if (bytes <= limits.packedBytes) return done(null, chunk);
      done(new FetchError('refused', spec, `it is larger than ${limits.packedBytes} bytes`));
    },
  });
};
