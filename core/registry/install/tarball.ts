/** The packed package on disk, checked while it comes: its sha512, its size, and that bytes go on coming. */
import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pacote from 'pacote';
import ssri from 'ssri';
import { FetchError } from './fetch-error.ts';
import type { NpmOptions } from './npm-config.ts';
import { limits } from './unpack.ts';

export interface TarballRequest {
  /** As npm writes it: `name@1.2.3`, an address, `file:/path`. */
  spec: string;
  file: string;
  options: NpmOptions;
  /** Address of a registry's tarball, and what it has to be. */
  resolved?: string;
  integrity?: string;
}

/** Writes the package to `file` and gives its `sha512-…`. Throws when it is not what `integrity` says. */
export const saveTarball = async ({ spec, file, options, resolved, integrity }: TarballRequest): Promise<string> => {
  const settings = { ...options, ...(resolved && { resolved }), ...(integrity && { integrity }) };
  const save = async (stream: NodeJS.ReadableStream): Promise<void> => {
    await pipeline(stream, watched(spec, options.timeout), createWriteStream(file, { mode: 0o600 }));
  };
  await pacote.tarball.stream(spec, save as never, settings);
  // Read again from disk: what is unpacked is what was checked.
  const sum = String(await ssri.fromStream(createReadStream(file), { algorithms: ['sha512'] }));
  if (integrity !== undefined && sum !== integrity) {
    throw new FetchError('refused', spec, `its sha512 is ${sum}, the registry announced ${integrity}`);
  }
  return sum;
};

/** A server that stops in the middle, or never does, is given up. */
const watched = (spec: string, stallMs: number): Transform => {
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const rest = () => clearTimeout(timer);
  const wait = () => {
    rest();
    const problem = `nothing came for ${Math.round(stallMs / 1_000)} s`;
    timer = setTimeout(() => watch.destroy(new FetchError('unreachable', spec, problem)), stallMs);
  };
  const watch = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      wait();
      bytes += chunk.length;
      if (bytes <= limits.packedBytes) return done(null, chunk);
      done(new FetchError('refused', spec, `it is larger than ${limits.packedBytes} bytes`));
    },
    flush: (done) => {
      rest();
      done();
    },
    destroy: (error, done) => {
      rest();
      done(error);
    },
  });
  wait();
  return watch;
};
