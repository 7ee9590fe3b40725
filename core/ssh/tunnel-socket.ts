/**
 * A channel of an SSH connection that behaves like a socket. ssh2's channels end silently when their connection
 * dies, which would look like the normal end of an answer; this one fails.
 */
import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

export class TunnelSocket extends Duplex {
  readonly #channel: ClientChannel;
  readonly #lost: () => Error | null;

  /** `lost` is the reason why the connection is gone, null while it is open. */
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
      // The connection is gone, but received data can still be read.
      const unsent = this.writableLength > 0 ? reset(new Error('the other side stopped reading')) : undefined;
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

  // Socket methods that HTTP clients call; the connection below handles them.
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
