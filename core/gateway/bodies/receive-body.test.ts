import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { until } from '../testing.ts';
import { BodyGarbage } from './body-garbage.ts';
import { BodyMemory } from './body-memory.ts';
import { type BodyLimits, bodyLimits } from './limits.ts';
import { receiveBody } from './receive-body.ts';
import { Spool, type SpoolFile } from './spool.ts';

const mebibyte = 1024 * 1024;

/** A body as received by a server. */
const received = (chunks: readonly Buffer[], length?: number): IncomingMessage =>
  Object.assign(Readable.from(chunks), {
    headers: length === undefined ? {} : { 'content-length': String(length) },
  }) as unknown as IncomingMessage;

const folder = mkdtempSync(join(tmpdir(), 'rbee-body-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const spool = new Spool(join(folder, 'spool'));
const receive = (limits: BodyLimits, over: { memory?: BodyMemory; spool?: Spool } = {}) =>
  receiveBody({ memory: new BodyMemory(), spool, limits, ...over });

/** In memory, up to a limit. */
const wholeBody = (maxBytes: number) => async (_request: null, payload: IncomingMessage) => {
  const { content } = await receive(bodyLimits(maxBytes))(null, payload);
  assert.ok(Buffer.isBuffer(content));
  return content;
};

const pieces = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.allocUnsafeSlow(64 * 1024).fill(index));

describe('the body of a request', () => {
  it('is what was sent, whether or not its length was announced, and its pieces are freed', async () => {
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

  it('does not free a piece that is part of a larger buffer', async () => {
    const all = Buffer.allocUnsafeSlow(mebibyte).fill(7);
    const chunks = [all.subarray(0, 500_000), all.subarray(500_000)];
    const body = await wholeBody(mebibyte)(null, received(chunks, mebibyte));
    assert.ok(body.equals(all));
  });

  it('is refused if it is larger than the limit, announced or not', async () => {
    await assert.rejects(wholeBody(mebibyte)(null, received([], mebibyte + 1)), { code: 'BODY_TOO_LARGE' });
    const flood = received(pieces(17));
    await assert.rejects(wholeBody(mebibyte)(null, flood), { code: 'BODY_TOO_LARGE' });
    assert.equal(flood.destroyed, false, 'the refusal goes out on its connection');
  });

  it('that is cut off counts as an error of its client', async () => {
    const half = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      })(),
    );
    const payload = Object.assign(half, { headers: {} }) as unknown as IncomingMessage;
    await assert.rejects(wholeBody(mebibyte)(null, payload), { statusCode: 400, code: 'ECONNRESET' });
  });

  it('goes to disk if it is large, announced or not, and can be read any number of times', async () => {
    for (const announced of [true, false]) {
      const chunks = pieces(32);
      const sent = Buffer.concat([Buffer.from('{"model":"demo","filler":"'), ...chunks]);
      const whole = [Buffer.from('{"model":"demo","filler":"'), ...chunks];
      const limits = { ...bodyLimits(8 * mebibyte), maxMemoryBytes: mebibyte };
      const body = await receive(limits)(null, received(whole, announced ? sent.length : undefined));
      assert.ok(!Buffer.isBuffer(body.content));
      assert.equal(body.content.length, sent.length);
      assert.equal(await body.content.model(), 'demo');
      for (const _ of [1, 2]) assert.ok(Buffer.concat(await body.content.read().toArray()).equals(sent));
      assert.deepEqual(readdirSync(join(folder, 'spool')), [], 'its file has no name');
      assert.ok(chunks.every(({ buffer }) => (buffer as ArrayBuffer).detached));
      await body.remove();
    }
  });

  it('that arrives too slowly is refused, and leaves no file', async () => {
    const limits = { ...bodyLimits(8 * mebibyte), maxMemoryBytes: 1000, timeout: { ms: 50, bytesPerSecond: mebibyte } };
    const trickle = Readable.from(
      (async function* () {
        yield Buffer.alloc(2000, ' ');
        await new Promise(() => {});
      })(),
    );
    const payload = Object.assign(trickle, { headers: {} }) as unknown as IncomingMessage;
    await assert.rejects(receive(limits)(null, payload), { code: 'BODY_TOO_SLOW', message: /2 KiB in / });
    assert.equal(trickle.destroyed, false, 'the refusal goes out on its connection');
    assert.deepEqual(readdirSync(join(folder, 'spool')), []);
  });

  it('is refused at once if the disk has no room for it', async () => {
    const limits = bodyLimits(Number.MAX_SAFE_INTEGER);
    const payload = received(pieces(1), 2 ** 52);
    await assert.rejects(receive(limits)(null, payload), {
      code: 'NO_SPACE',
      message: /4 PiB more is needed/,
    });
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const nowhere = new Spool(join(file, 'spool'));
    await assert.rejects(receive(limits, { spool: nowhere })(null, received(pieces(1), 2 ** 30)), {
      code: 'STATE_UNWRITABLE',
    });
  });

  it('arrives complete through a real connection', async () => {
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

  it('is joined if it arrives one byte at a time', async () => {
    const sent = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index & 0xff));
    for (const announced of [true, false]) {
      const chunks = Array.from(sent, (byte) => Buffer.allocUnsafeSlow(1).fill(byte));
      const body = await wholeBody(mebibyte)(null, received(chunks, announced ? sent.length : undefined));
      assert.ok(body.equals(sent));
    }
  });

  it('is collected after its request, but not once for each of many', async () => {
    let collected = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const garbage = new BodyGarbage(() => {
      collected += 1;
      resolve();
    });
    const waiting = setTimeout(() => {}, 20_000);
    for (let body = 0; body < 5; body += 1) garbage.add(mebibyte);
    garbage.add(10);
    await promise;
    clearTimeout(waiting);
    assert.equal(collected, 1);
  });
});

/** An unfinished body, whose client can then disconnect. */
const unfinished = (bytes: number, announced: number) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stream = Readable.from(
    (async function* () {
      for (let left = bytes; left > 0; left -= 64 * 1024) yield Buffer.alloc(Math.min(left, 64 * 1024), ' ');
      await promise;
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(),
  );
  const headers = { 'content-length': String(announced) };
  const payload = Object.assign(stream, { headers }) as unknown as IncomingMessage;
  return { payload, leave: resolve };
};

/** JSON in pieces of 64 KiB. */
const jsonPieces = (count: number): Buffer[] => {
  const all = pieces(count).map((piece) => piece.fill('x'));
  all[0]?.write('{"model":"demo","filler":"');
  all.at(-1)?.write('"}', 64 * 1024 - 2);
  return all;
};

describe('many bodies at once', () => {
  // 100 connections with an unfinished body of 8 MiB each took the queen from 167 to 957 MB, for good.
  it('use no more memory than the budget; the others are on disk, and all of it is freed', async () => {
    const memory = new BodyMemory(4 * mebibyte);
    const files: SpoolFile[] = [];
    const counted = new Spool(join(folder, 'spool'));
    const create = counted.create.bind(counted);
    counted.create = async () => {
      const file = await create();
      files.push(file);
      return file;
    };
    let most = 0;
    const parse = receive(bodyLimits(8 * mebibyte), { memory, spool: counted });
    const bodies = Array.from({ length: 20 }, () => unfinished(mebibyte, 2 * mebibyte));
    const ends = bodies.map(({ payload }) => parse(null, payload).catch((error) => error.code as string));
    await until(() => {
      most = Math.max(most, memory.used);
      return memory.used + files.reduce((sum, { length }) => sum + length, 0) >= 20 * mebibyte;
    }, 'all have come');
    assert.ok(most > mebibyte && most < 4 * mebibyte, `${most} bytes are taken`);
    assert.ok(memory.used < 4 * mebibyte);
    const small = await parse(null, received(pieces(1), 64 * 1024));
    assert.ok(Buffer.isBuffer(small.content), 'a small one still finds memory');
    const before = memory.used;
    await small.remove();
    assert.equal(before - memory.used, 64 * 1024);
    for (const { leave } of bodies) leave();
    assert.deepEqual([...new Set(await Promise.all(ends))], ['ECONNRESET']);
    assert.equal(memory.used, 0);
  });

  it('use memory for what has arrived, not for what they announce, until they are removed', async () => {
    const given: number[] = [];
    class Told extends BodyGarbage {
      override add(bytes: number): void {
        given.push(bytes);
      }
    }
    const memory = new BodyMemory(64 * mebibyte, new Told());
    const parse = receive(bodyLimits(2 ** 30), { memory });
    const bodies = [unfinished(10, 8 * mebibyte), unfinished(10, 2 ** 30), unfinished(100_000, 8 * mebibyte)];
    const ends = bodies.map(({ payload }) => parse(null, payload).catch(() => {}));
    await until(() => memory.used === (1 + 1 + 2) * 64 * 1024, 'all have come');
    for (const { leave } of bodies) leave();
    await Promise.all(ends);
    assert.deepEqual([memory.used, given.sort()], [0, [131_072, 65_536, 65_536]], 'their memory is collected as well');
    const whole = await parse(null, received(pieces(32), 2 * mebibyte));
    assert.equal(memory.used, 2 * mebibyte);
    await whole.remove();
    await whole.remove();
    assert.equal(memory.used, 0);
  });

  it('arrive complete even after the memory is used up', async () => {
    const memory = new BodyMemory(mebibyte);
    const parse = receive(bodyLimits(8 * mebibyte), { memory });
    const bodies = await Promise.all(
      Array.from({ length: 8 }, (_, index) => parse(null, received(jsonPieces(12 + index), (12 + index) * 64 * 1024))),
    );
    assert.ok(bodies.some(({ content }) => !Buffer.isBuffer(content)));
    for (const [index, { content, remove }] of bodies.entries()) {
      const whole = Buffer.isBuffer(content) ? content : Buffer.concat(await content.read().toArray());
      assert.ok(whole.equals(Buffer.concat(jsonPieces(12 + index))));
      await remove();
    }
    assert.equal(memory.used, 0);
  });
});
