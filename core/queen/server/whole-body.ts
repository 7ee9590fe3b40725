/** Bodies of requests in memory: one copy of each, and what it takes given back soon after. */
import type { IncomingMessage } from 'node:http';
import { RbeeError } from '../../contract/errors.ts';

/** A parser of content for fastify: the bytes as they are. Throws BODY_TOO_LARGE. */
export const wholeBody =
  (limit: number) =>
  async (_request: unknown, payload: IncomingMessage): Promise<Buffer> => {
    const announced = Number(payload.headers['content-length'] ?? Number.NaN);
    if (announced > limit) throw tooLarge(limit);
    const chunks: Buffer[] = [];
    let whole: Buffer | undefined;
    let length = 0;
    for await (const chunk of piecesOf(payload)) {
      const start = length;
      length += chunk.length;
      if (length > limit) throw tooLarge(limit);
      // Made when something has arrived: many who only announce a body take nothing.
      if (announced > small) whole ??= Buffer.allocUnsafeSlow(announced);
      if (whole) {
        chunk.copy(whole, start);
        letGo(chunk);
      } else chunks.push(chunk);
    }
    if (whole) return whole.subarray(0, length);
    const joined = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length);
    if (length > small && chunks.length > 1) chunks.forEach(letGo);
    return joined;
  };

/** Left open when the reading ends early: the refusal has to go out on the same connection. */
async function* piecesOf(payload: IncomingMessage): AsyncGenerator<Buffer, void, void> {
  try {
    yield* payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (error) {
    // The client left in the middle: nothing is wrong with the queen.
    throw Object.assign(error as Error, { statusCode: 400 });
  }
}

/** Bytes up to which a body is not worth any trouble. */
const small = 256 * 1024;

/**
 * V8 lets garbage of this kind gather to 64 MB, in pieces that the system's allocator then keeps for itself. Node makes
 * a buffer for each piece of a body and keeps none of them; one that is part of a larger one is left alone.
 */
const letGo = ({ buffer, byteLength }: Buffer): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};

const tooLarge = (limit: number): RbeeError => RbeeError.of('BODY_TOO_LARGE', { limit: `${limit / 1024 / 1024} MiB` });

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
