/** Takes one file out of a packed package and packs it again by itself, without ever holding more than a piece of it. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import type { TakenFile } from './fetch-calls.ts';
import { FetchError } from './fetch-error.ts';
import { feed } from './unpack-feed.ts';
import { limits } from './unpack-survey.ts';
import { withoutSymbols } from './without-symbols.ts';

/** A tenth of a minute for Node; more patience makes it hardly smaller. */
const params = { [constants.ZSTD_c_compressionLevel]: 9 };

/** Writes `member` of the package in `packed`, a program, to `file`: packed with zstd, and without its symbols. `what` names the package in errors. */
export const takeMember = async (packed: string, member: string, file: string, what: string): Promise<TakenFile> => {
  const hash = createHash('sha256');
  let size = 0;
  let taking: Promise<void> | undefined;
  async function* counted(entry: ReadEntry): AsyncGenerator<Buffer> {
    for await (const chunk of withoutSymbols(entry as AsyncIterable<Buffer>)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const parser = new Parser({ strict: true });
  parser.on('entry', (entry: ReadEntry) => {
    const isWanted = entry.path === `package/${member}` && entry.type === 'File' && taking === undefined;
    if (!isWanted) return void entry.resume();
    taking = pipeline(counted(entry), createZstdCompress({ params }), createWriteStream(file, { mode: 0o600 }));
    taking.catch((error) => parser.emit('error', error));
  });
  try {
    await feed(packed, parser, limits.unpackedBytes, what);
    await taking;
  } catch (error) {
    if (error instanceof FetchError) throw error;
    throw new FetchError('refused', what, `it cannot be unpacked: ${(error as Error).message}`, error);
  }
  if (taking === undefined) throw new FetchError('refused', what, `there is no ${member} in it`);
  return { file, sha256: hash.digest('hex'), size };
};
