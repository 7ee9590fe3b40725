/** Extracts one file of a package and compresses it with zstd, as a stream: the file may not fit in memory. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import type { EntrySink } from '../../archives/tree-writer.ts';
import type { TakenFile } from './fetch-calls.ts';
import { FetchError } from './fetch-error.ts';
import { readPackage } from './unpack-package.ts';

/** Takes six seconds for Node; higher levels save little. */
const params = { [constants.ZSTD_c_compressionLevel]: 9 };

/** Writes `member` of the package in `packed` to `file`, compressed. Throws FetchError. */
export const takeMember = async (packed: string, member: string, file: string, what: string): Promise<TakenFile> => {
  const hash = createHash('sha256');
  let size = 0;
  let found = false;
  async function* counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const sink: EntrySink = {
    file: async ({ name }, body) => {
      if (name === `package/${member}` && !found) {
        found = true;
        const output = createWriteStream(file, { mode: 0o600 });
        await pipeline(counted(body), createZstdCompress({ params }), output);
      } else for await (const _ of body);
    },
    folder: async () => {},
    symlink: () => {},
    hardlink: () => {},
  };
  await readPackage(packed, sink, what);
  if (!found) throw new FetchError('refused', what, `it does not contain ${member}`);
  return { file, sha256: hash.digest('hex'), size };
};
