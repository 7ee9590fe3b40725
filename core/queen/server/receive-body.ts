/** Bodies of requests as they arrive: in memory while the queen's budget has room for them, otherwise on disk. */
import type { IncomingMessage } from 'node:http';
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes, formatDuration } from '../../narration/quantities.ts';
import { modelScan } from '../gateway/model-name.ts';
import type { ModelScan } from '../gateway/model-scan.ts';
import type { StoredBody } from '../gateway/stored-body.ts';
import type { BodyMemory } from './body-memory.ts';
import { smallBytes } from './leftovers.ts';
import type { Spool, SpoolFile } from './spool.ts';

export interface BodyLimits {
  /** Largest body, in bytes. */
  mostBytes: number;
  /** Largest one that is kept in memory. */
  memoryBytes: number;
  /** Milliseconds that any body may take, and bytes for each further second. */
  patience: { ms: number; bytesPerSecond: number };
}

export const bodyLimits = (mostBytes: number): BodyLimits => ({
  mostBytes,
  memoryBytes: 8 * 1024 * 1024,
  patience: { ms: 120_000, bytesPerSecond: 64 * 1024 },
});

/** How long the largest body may take, in milliseconds. */
export const longestMs = ({ mostBytes, patience }: BodyLimits): number =>
  patience.ms + Math.ceil((mostBytes / patience.bytesPerSecond) * 1000);

/** A body that has arrived. */
export interface ReceivedBody {
  content: Buffer | StoredBody;
  /** Gives its memory and its place on disk back. */
  remove(): Promise<void>;
}

export interface BodyStores {
  memory: BodyMemory;
  spool: Spool;
  limits: BodyLimits;
}

/** Memory is taken from the budget in steps of this. */
const stepBytes = 64 * 1024;

/** A parser of content for fastify. Throws BODY_TOO_LARGE, BODY_TOO_SLOW, NO_SPACE, STATE_UNWRITABLE, INVALID_INPUT. */
export const receiveBody =
  ({ memory, spool, limits }: BodyStores) =>
  async (_request: unknown, payload: IncomingMessage): Promise<ReceivedBody> => {
    const { mostBytes, memoryBytes, patience } = limits;
    const announced = Number(payload.headers['content-length'] ?? Number.NaN);
    if (announced > mostBytes) throw tooLarge(mostBytes);
    const isLarge = announced > memoryBytes;
    if (isLarge) await spool.expect(announced);
    const mayHold = isLarge ? smallBytes : memoryBytes;
    const share = memory.share();
    const inMemory = new InMemory(isLarge ? Number.NaN : announced);
    let scan: ModelScan | undefined;
    let file: SpoolFile | undefined;
    const store = async (piece: Buffer, to: SpoolFile) => {
      scan ??= modelScan(payload.headers['content-type']);
      scan.push(piece);
      await to.write(piece);
      letGo(piece);
    };
    let length = 0;
    try {
      for await (const piece of piecesOf(payload, patience)) {
        length += piece.length;
        if (length > mostBytes) throw tooLarge(mostBytes);
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

/** One copy of a body: its pieces are freed as they come. */
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
      letGo(piece);
      return;
    }
    this.#pieces.push(piece);
    // Made when more than a little has arrived: those who only announce a body take nothing.
    if (this.#length <= smallBytes || !(this.#announced >= this.#length)) return;
    const whole = Buffer.allocUnsafeSlow(this.#announced);
    let at = 0;
    for (const one of this.#pieces.take()) {
      at += one.copy(whole, at);
      letGo(one);
    }
    this.#whole = whole;
  }

  /** What has arrived, to be read before it is freed. */
  take(): readonly Buffer[] {
    return this.#whole ? [this.#whole.subarray(0, this.#length)] : this.#pieces.take();
  }

  /** Frees it now, not only when it is collected. For a body that no other code holds. */
  free(): void {
    for (const piece of this.#whole ? [this.#whole] : this.#pieces.take()) letGo(piece);
    this.#whole = undefined;
  }

  whole(): Buffer {
    if (this.#whole) return this.#whole.subarray(0, this.#length);
    const pieces = this.#pieces.take();
    if (pieces.length === 1) return pieces[0] as Buffer;
    const joined = Buffer.concat(pieces, this.#length);
    if (this.#length > smallBytes) pieces.forEach(letGo);
    return joined;
  }
}

/** From this many pieces on, tiny ones are put together. */
const fewPieces = 16;
const tinyBytes = 4 * 1024;
const blockBytes = 16 * 1024;

/** Pieces in their order. A client may send every byte by itself: an object for each would take 200 times its memory. */
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
    letGo(piece);
  }

  /** Gives them away. */
  take(): Buffer[] {
    this.#endBlock();
    return this.#pieces.splice(0);
  }

  #endBlock(): void {
    if (!this.#block) return;
    this.#pieces.push(Buffer.from(this.#block.subarray(0, this.#filled)));
    letGo(this.#block);
    this.#block = undefined;
    this.#filled = 0;
  }
}

/** Left open when the reading ends early: the refusal has to go out on the same connection. */
async function* piecesOf(
  payload: IncomingMessage,
  { ms, bytesPerSecond }: BodyLimits['patience'],
): AsyncGenerator<Buffer, void, void> {
  const begun = performance.now();
  const pieces = payload.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
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
    // Not waited for: what is still to come would be waited for first.
    pieces.return?.().catch(() => {});
  }
}

/** Not a race: what one has lost it would keep until the other is settled. */
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
        // The client left in the middle: nothing is wrong with the queen.
        reject(Object.assign(error as Error, { statusCode: 400 }));
      },
    );
  });

/**
 * V8 lets garbage of this kind gather to 64 MB, in pieces that the system's allocator then keeps for itself. Node makes
 * a buffer for each piece of a body and keeps none of them; one that is part of a larger one is left alone.
 */
const letGo = ({ buffer, byteLength }: Buffer): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};

const tooLarge = (limit: number): RbeeError => {
  const hint = 'send a smaller body, or allow larger ones: max_body under [queen] in rbee.conf';
  return RbeeError.of('BODY_TOO_LARGE', { limit: formatBytes(limit), hint });
};
