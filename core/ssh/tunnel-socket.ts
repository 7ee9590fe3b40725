/**
 * A channel through an SSH connection in the shape of a socket. ssh2's own channels end quietly when their connection
 * dies, which would look like the proper end of an answer; this one breaks.
 */
import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

export class TunnelSocket extends Duplex {
  readonly #channel: ClientChannel;
  readonly #lost: () => Error | null;

  /** `lost` tells why the connection is gone, null as long as it is there. */
  constructor(channel: ClientChannel, lost: () => Error | null) {
    super({ allowHalfOpen: true, highWaterMark: 256 * 1024 });
    this.#channel = channel;
    this.#lost = lost;
    channel.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on('end', () => {
      const cause = this.#lost();
      if (cause) this.destroy(reset(cause));
      else this.push(null);
    });
    channel.on('close', () => {
      const cause = this.#lost();
      if (cause) return this.destroy(reset(cause));
      // Nothing comes or goes any more; what has come is still to be read.
      const unsent = this.writableLength > 0 ? reset(new Error('the other side took no more')) : undefined;
      if (this.readableEnded || (unsent && this.readableLength === 0)) this.destroy(unsent);
      else this.once('end', () => this.destroy(unsent));
    });
    channel.on('error', (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#lost() || !this.#channel.writable) done(reset(this.#lost()));
    else this.#channel.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#lost()) this.#channel.close();
    this.#channel.resume();
    done(error);
  }

  // What clients of HTTP ask of a socket; the connection below has all of it.
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

const reset = (cause: Error | null): Error =>
  Object.assign(new Error(cause?.message ?? 'the connection was closed', { cause }), { code: 'ECONNRESET' });
