/** Decompresses request bodies while they arrive. */
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { RbeeError } from '../../contract/errors.ts';
import { removeHeader } from '../../http/raw-headers.ts';
import { Semaphore } from '../../lifecycle/async/semaphore.ts';
import { invalidBody } from '../model-name/model-scan.ts';

/** As RFC 9659 limits it for HTTP; the format itself allows more memory. */
const maxZstdWindowLog = 23;

interface Encoding {
  decoder(): Transform;
  /** How many decode at the same time; more wait. For formats that take up to 16 MiB for each body. */
  slots?: Semaphore;
}

const gzip: Encoding = { decoder: () => createGunzip() };
const zstdParams = { [constants.ZSTD_d_windowLogMax]: maxZstdWindowLog };

const encodings: Readonly<Record<string, Encoding>> = {
  gzip,
  'x-gzip': gzip,
  deflate: { decoder: () => createInflate() },
  br: { decoder: () => createBrotliDecompress(), slots: new Semaphore(4) },
  zstd: { decoder: () => createZstdDecompress({ params: zstdParams }), slots: new Semaphore(8) },
};

/** For the header `Accept-Encoding` of a 415. */
export const acceptedEncodings = 'gzip, deflate, br, zstd';

/** The content encoding of a request; undefined if it has none. */
export const encodingOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined => {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  return encoding === undefined || encoding === '' || encoding === 'identity' ? undefined : encoding;
};

export const isKnownEncoding = (encoding: string): boolean => Object.hasOwn(encodings, encoding);

export const unsupportedEncoding = (encoding: string): RbeeError =>
  RbeeError.of('UNSUPPORTED_ENCODING', { encoding: encoding.slice(0, 100), accepted: acceptedEncodings });

/** A body as it arrives. */
export interface ArrivingBody {
  pieces: Pick<AsyncIterator<Buffer>, 'next'>;
  /** Stops reading, and leaves the connection open. */
  stop(): void;
}

/**
 * The decompressed body; for the worker, the request no longer has a content encoding. Reading throws INVALID_INPUT for a
 * damaged body, and UNSUPPORTED_ENCODING.
 */
export const decoded = (payload: IncomingMessage, name: string): ArrivingBody => {
  if (!isKnownEncoding(name)) throw unsupportedEncoding(name);
  const { decoder: create, slots } = encodings[name] as Encoding;
  removeHeader(payload, 'content-encoding');
  const stopped = new AbortController();
  let reading: Promise<AsyncIterator<Buffer>> | undefined;
  let isCut = false;
  const begin = async () => {
    const release = await slots?.enter(stopped.signal);
    if (stopped.signal.aborted) {
      release?.();
      throw stopped.signal.reason;
    }
    const decoder = create();
    // It stops reading when it breaks, and the error reaches the iterator too.
    decoder.on('error', () => {});
    const cut = (error: Error) => {
      isCut = true;
      decoder.destroy(error);
    };
    payload.once('error', cut);
    stopped.signal.addEventListener('abort', () => {
      payload.off('error', cut);
      payload.unpipe(decoder);
      decoder.destroy();
      release?.();
    });
    payload.pipe(decoder);
    return decoder.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  };
  const next = async () => {
    reading ??= begin();
    const pieces = await reading;
    try {
      return await pieces.next();
    } catch (error) {
      throw isCut ? error : invalidBody(`it is not ${name}: ${(error as Error).message}`, { cause: error });
    }
  };
  return { pieces: { next }, stop: () => stopped.abort() };
};
