import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { Leftovers, wholeBody } from './whole-body.ts';

const mebibyte = 1024 * 1024;

/** A body as a server receives it. */
const received = (chunks: readonly Buffer[], length?: number): IncomingMessage =>
  Object.assign(Readable.from(chunks), {
    headers: length === undefined ? {} : { 'content-length': String(length) },
  }) as unknown as IncomingMessage;

const pieces = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.allocUnsafeSlow(64 * 1024).fill(index));

describe('the body of a request', () => {
  it('is what was sent, whether or not its length was announced, and its pieces are let go', async () => {
    for (const announced of [true, false]) {
      const chunks = pieces(32);
      const sent = Buffer.concat(chunks);
      const body = await wholeBody(8 * mebibyte)(null, received(chunks, announced ? sent.length : undefined));
      assert.ok(body.equals(sent));
      assert.ok(chunks.every(({ buffer }) => (buffer as ArrayBuffer).detached));
    }
    const small = [Buffer.from('{"model"'), Buffer.from(':"demo"}')];
    assert.equal((await wholeBody(100)(null, received(small))).toString(), '{"model":"demo"}');
    assert.equal((await wholeBody(100)(null, received([]))).length, 0);
  });

  it('leaves a piece alone that is part of something larger', async () => {
    const all = Buffer.allocUnsafeSlow(mebibyte).fill(7);
    const chunks = [all.subarray(0, 500_000), all.subarray(500_000)];
    const body = await wholeBody(mebibyte)(null, received(chunks, mebibyte));
    assert.ok(body.equals(all));
  });

  it('is refused when it is larger than the limit, announced or not', async () => {
    await assert.rejects(wholeBody(mebibyte)(null, received([], mebibyte + 1)), { code: 'BODY_TOO_LARGE' });
    const flood = received(pieces(17));
    await assert.rejects(wholeBody(mebibyte)(null, flood), { code: 'BODY_TOO_LARGE' });
    assert.equal(flood.destroyed, false, 'the refusal goes out on its connection');
  });

  it('that ends in the middle is the fault of its client', async () => {
    const half = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      })(),
    );
    const payload = Object.assign(half, { headers: {} }) as unknown as IncomingMessage;
    await assert.rejects(wholeBody(mebibyte)(null, payload), { statusCode: 400, code: 'ECONNRESET' });
  });

  it('comes whole through a real connection', async () => {
    const server = createServer(async (incoming, outgoing) => {
      const body = await wholeBody(8 * mebibyte)(null, incoming);
      outgoing.end(`${body.length} ${body.every((byte, index) => byte === (index & 0xff))}`);
    }).listen(0, '127.0.0.1');
    after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const sent = Buffer.alloc(5 * mebibyte).map((_, index) => index & 0xff);
    const outgoing = request({ port, method: 'POST', agent: false }).end(sent);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    assert.equal(String(await response.toArray()), `${sent.length} true`);
  });

  it('is collected once it is through, and not once for each of many', async () => {
    let collected = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const leftovers = new Leftovers(() => {
      collected += 1;
      resolve();
    });
    const waiting = setTimeout(() => {}, 20_000);
    for (let body = 0; body < 5; body += 1) leftovers.done(mebibyte);
    leftovers.done(10);
    await promise;
    clearTimeout(waiting);
    assert.equal(collected, 1);
  });
});
