/** Receives request bodies: in memory as long as the budget has room, otherwise on disk. */
import type { IncomingMessage } from 'node:http';
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes, formatDuration } from '../../narration/quantities.ts';
import { modelScan } from '../model-name/model-name.ts';
import type { ModelScan } from '../model-name/model-scan.ts';
import { smallBodyBytes } from './body-garbage.ts';
import type { BodyStores } from './body-stores.ts';
import { type ArrivingBody, decoded, encodingOf } from './decode-body.ts';
import type { BodyLimits } from './limits.ts';
import type { SpoolFile } from './spool.ts';
import type { StoredBody } from './stored-body.ts';

/** A body that has arrived. */
export interface ReceivedBody {
  content: Buffer | StoredBody;
  /** Frees its memory and its disk space. */
  remove(): Promise<void>;
}

/** Memory is taken from the budget in steps of this size. */
const stepBytes = 64 * 1024;

/** A content type parser for fastify. Throws BODY_TOO_LARGE, BODY_TOO_SLOW, NO_SPACE, STATE_UNWRITABLE, INVALID_INPUT. */
export const receiveBody =
  ({ memory, spool, limits }: BodyStores) =>
  async (_request: unknown, payload: IncomingMessage): Promise<ReceivedBody> => {
    const { maxBytes, maxMemoryBytes, timeout } = limits;
    const encoding = encodingOf(payload);
    // What a compressed body comes to is not known before it has arrived.
    const announced = encoding === undefined ? Number(payload.headers['content-length'] ?? Number.NaN) : Number.NaN;
    if (announced > maxBytes) throw tooLarge(maxBytes);
    const isLarge = announced > maxMemoryBytes;
    if (isLarge) await spool.expect(announced);
    const mayHold = isLarge ? smallBodyBytes : maxMemoryBytes;
    const share = memory.share();
    const inMemory = new InMemory(isLarge ? Number.NaN : announced);
    let scan: ModelScan | undefined;
    let file: SpoolFile | undefined;
    const store = async (piece: Buffer, to: SpoolFile) => {
      scan ??= modelScan(payload.headers['content-type']);
      scan.push(piece);
      await to.write(piece);
      freeBuffer(piece);
    };
    let length = 0;
    try {
      const body = encoding === undefined ? plain(payload) : decoded(payload, encoding);
      for await (const piece of piecesOf(body, timeout)) {
        length += piece.length;
        if (length > maxBytes) throw tooLarge(maxBytes);
        if (!file && length > share.held && !(length <= mayHold && share.grow(stepFor(length, announced)))) {
          file = await spool.create();
          for (const earlier of inMemory.take()) await store(earlier, file);
          inMemory.free();
          share.release();
        }
        if (file) await store(piece, file);
        else inMemory.push(piece);
      }
      file?.complete();
    } catch (error) {
      inMemory.free();
      share.release();
      await file?.remove();
      throw error;
    }
    if (!file) return { content: inMemory.whole(), remove: async () => share.release() };
    return { content: stored(file, scan, payload.headers['content-type']), remove: () => file.remove() };
  };

const stepFor = (length: number, announced: number): number => {
  const step = Math.ceil(length / stepBytes) * stepBytes;
  return announced >= length && announced < step ? announced : step;
};

const stored = (file: SpoolFile, scan: ModelScan | undefined, contentType: string | undefined): StoredBody => ({
  length: file.length,
  model: async () => {
    const model = scan?.end();
    if (!scan?.isUnsure) return model;
    const again = modelScan(contentType, 'thorough');
    for await (const piece of file.read()) again.push(piece);
    return again.end();
  },
  read: () => file.read(),
});

/** A body in memory. Its pieces are copied together and freed as they arrive. */
class InMemory {
  #pieces = new Pieces();
  #length = 0;
  #whole: Buffer | undefined;
  readonly #announced: number;

  constructor(announced: number) {
    this.#announced = announced;
  }

  push(piece: Buffer): void {
    const start = this.#length;
    this.#length += piece.length;
    if (this.#whole) {
      piece.copy(this.#whole, start);
      freeBuffer(piece);
      return;
    }
    this.#pieces.push(piece);
    // Allocated only once enough has arrived: a client that merely announces a large body takes no memory.
    if (this.#length <= smallBodyBytes || !(this.#announced >= this.#length)) return;
    const whole = Buffer.allocUnsafeSlow(this.#announced);
    let at = 0;
    for (const one of this.#pieces.take()) {
      at += one.copy(whole, at);
      freeBuffer(one);
    }
    this.#whole = whole;
  }

  /** What has arrived so far; read it before calling `free`. */
  take(): readonly Buffer[] {
    return this.#whole ? [this.#whole.subarray(0, this.#length)] : this.#pieces.take();
  }

  /** Frees it at once, without waiting for the garbage collector. Nothing else may hold the body. */
  free(): void {
    for (const piece of this.#whole ? [this.#whole] : this.#pieces.take()) freeBuffer(piece);
    this.#whole = undefined;
  }

  whole(): Buffer {
    if (this.#whole) return this.#whole.subarray(0, this.#length);
    const pieces = this.#pieces.take();
    if (pieces.length === 1) return pieces[0] as Buffer;
    const joined = Buffer.concat(pieces, this.#length);
    if (this.#length > smallBodyBytes) pieces.forEach(freeBuffer);
    return joined;
  }
}

/** After this many pieces, tiny ones are joined. */
const fewPieces = 16;
const tinyBytes = 4 * 1024;
const blockBytes = 16 * 1024;

/** Pieces in order. A client may send single bytes, and an object for each would take 200 times their memory. */
class Pieces {
  #pieces: Buffer[] = [];
  #block: Buffer | undefined;
  #filled = 0;

  push(piece: Buffer): void {
    if (this.#pieces.length < fewPieces || piece.length >= tinyBytes) {
      this.#endBlock();
      this.#pieces.push(piece);
      return;
    }
    if (this.#filled + piece.length > blockBytes) this.#endBlock();
    this.#block ??= Buffer.allocUnsafeSlow(blockBytes);
    this.#filled += piece.copy(this.#block, this.#filled);
    freeBuffer(piece);
  }

  /** Returns all pieces and keeps none. */
  take(): Buffer[] {
    this.#endBlock();
    return this.#pieces.splice(0);
  }

  #endBlock(): void {
    if (!this.#block) return;
    this.#pieces.push(Buffer.from(this.#block.subarray(0, this.#filled)));
    freeBuffer(this.#block);
    this.#block = undefined;
    this.#filled = 0;
  }
}

/** Leaves the connection open when reading ends early, because the error answer is sent on it. */
const plain = (payload: IncomingMessage): ArrivingBody => {
  const pieces = payload.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  // Not awaited: it would wait for the rest of the body.
  const stop = () => void pieces.return?.().catch(() => {});
  return { pieces, stop };
};

async function* piecesOf(
  { pieces, stop }: ArrivingBody,
  { ms, bytesPerSecond }: BodyLimits['timeout'],
): AsyncGenerator<Buffer, void, void> {
  const begun = performance.now();
  let received = 0;
  try {
    for (;;) {
      const passed = performance.now() - begun;
      const next = await within(ms + (received / bytesPerSecond) * 1000 - passed, pieces.next());
      if (next === 'late') {
        const time = formatDuration(performance.now() - begun);
        throw RbeeError.of('BODY_TOO_SLOW', { received: formatBytes(received), time });
      }
      if (next.done) return;
      received += next.value.length;
      yield next.value;
    }
  } finally {
    stop();
  }
}

/** Without Promise.race, which keeps a late result in memory until the other promise settles. */
const within = <Value>(ms: number, work: Promise<Value>): Promise<Value | 'late'> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('late'), ms);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        // The client disconnected, which is not an error of the server.
        reject(error instanceof RbeeError ? error : Object.assign(error as Error, { statusCode: 400 }));
      },
    );
  });

/**
 * Frees a buffer at once. V8 would let up to 64 MB of them pile up, and the system's allocator would not return that memory.
 * Node keeps no reference to the buffers of a body. A buffer that is part of a larger one is left alone.
 */
const freeBuffer = ({ buffer, byteLength }: Buffer): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};

const tooLarge = (limit: number): RbeeError => {
  const hint = 'send a smaller body, or allow larger ones: max_body under [queen] in rbee.conf';
  return RbeeError.of('BODY_TOO_LARGE', { limit: formatBytes(limit), hint });
};
