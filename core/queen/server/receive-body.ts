/** Bodies of requests as they arrive: small ones in memory, one copy of each, large ones on disk. */
import type { IncomingMessage } from 'node:http';
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes, formatDuration } from '../../narration/quantities.ts';
import { modelScan } from '../gateway/model-name.ts';
import type { ModelScan } from '../gateway/model-scan.ts';
import type { StoredBody } from '../gateway/stored-body.ts';
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
  /** Lets go of what is on disk. */
  remove(): Promise<void>;
}

/** A parser of content for fastify. Throws BODY_TOO_LARGE, BODY_TOO_SLOW, NO_SPACE, STATE_UNWRITABLE, INVALID_INPUT. */
export const receiveBody =
  (spool: Spool, limits: BodyLimits) =>
  async (_request: unknown, payload: IncomingMessage): Promise<ReceivedBody> => {
    const { mostBytes, memoryBytes, patience } = limits;
    const announced = Number(payload.headers['content-length'] ?? Number.NaN);
    if (announced > mostBytes) throw tooLarge(mostBytes);
    const memory = new InMemory(announced);
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
        if (!file && (announced > memoryBytes || length > memoryBytes)) {
          file = await spool.create(Number.isNaN(announced) ? undefined : announced);
          for (const earlier of memory.take()) await store(earlier, file);
        }
        if (file) await store(piece, file);
        else memory.push(piece);
      }
    } catch (error) {
      await file?.remove();
      throw error;
    }
    if (!file) return { content: memory.whole(), remove: async () => {} };
    const stored = file;
    const content: StoredBody = { length, model: () => scan?.end(), read: () => stored.read() };
    return { content, remove: () => stored.remove() };
  };

/** One copy of a body: its pieces are let go as they come. */
class InMemory {
  #pieces: Buffer[] = [];
  #length = 0;
  #whole: Buffer | undefined;
  readonly #announced: number;

  constructor(announced: number) {
    this.#announced = announced;
  }

  push(piece: Buffer): void {
    // Made when something has arrived: many who only announce a body take nothing.
    if (this.#announced > small) this.#whole ??= Buffer.allocUnsafeSlow(this.#announced);
    const start = this.#length;
    this.#length += piece.length;
    if (this.#whole) {
      piece.copy(this.#whole, start);
      letGo(piece);
    } else this.#pieces.push(piece);
  }

  /** Gives away the pieces, of a body that did not say how long it is. */
  take(): Buffer[] {
    return this.#pieces.splice(0);
  }

  whole(): Buffer {
    if (this.#whole) return this.#whole.subarray(0, this.#length);
    const pieces = this.#pieces;
    const joined = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, this.#length);
    if (this.#length > small && pieces.length > 1) pieces.forEach(letGo);
    return joined;
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

/** Bytes up to which a body is not worth any trouble. */
const small = 256 * 1024;

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

/** Milliseconds without a large body after which its memory is asked back. */
const restMs = 1_000;

/** Asks for the memory of large bodies once they are through: at rest nothing else would for a long time. */
export class Leftovers {
  readonly #collect: (() => unknown) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `collect` is absent in a process that cannot collect its garbage when told to. */
  constructor(collect: (() => unknown) | undefined = collector()) {
    this.#collect = collect;
  }

  /** A body of so many bytes is not needed any more. */
  done(bytes: number): void {
    if (bytes <= small || !this.#collect) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#collect, restMs).unref();
  }
}

const collector = (): (() => unknown) | undefined => {
  const { gc } = globalThis;
  return gc && (() => gc({ type: 'major', execution: 'async' }));
};
