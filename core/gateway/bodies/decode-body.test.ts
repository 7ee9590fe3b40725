import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { BodyMemory } from './body-memory.ts';
import { bodyLimits } from './limits.ts';
import { receiveBody } from './receive-body.ts';
import { Spool } from './spool.ts';

const mebibyte = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'rbee-decode-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const spool = new Spool(join(folder, 'spool'));

const compress = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};
type Encoding = keyof typeof compress;

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, nth) => bytes.subarray(nth * size, (nth + 1) * size));

const sent = (encoding: string, bytes: Buffer, size = 16 * 1024) =>
  Object.assign(Readable.from(pieces(bytes, size)), {
    headers: { 'content-encoding': encoding, 'content-length': String(bytes.length) } as Record<string, string>,
    rawHeaders: ['Content-Encoding', encoding, 'X-Own', 'kept'],
  });

const receive = async (
  payload: ReturnType<typeof sent>,
  limits = bodyLimits(8 * mebibyte),
  memory = new BodyMemory(),
) => {
  const body = await receiveBody({ memory, spool, limits })(null, payload as unknown as IncomingMessage);
  const { content } = body;
  const bytes = Buffer.isBuffer(content) ? content : Buffer.concat(await content.read().toArray());
  const model = Buffer.isBuffer(content) ? undefined : await content.model();
  await body.remove();
  return { bytes, model, isStored: !Buffer.isBuffer(content), used: memory.used };
};

describe('a compressed body', () => {
  const plain = Buffer.from(JSON.stringify({ model: 'demo', text: 'bees '.repeat(200_000) }));

  for (const encoding of Object.keys(compress) as Encoding[]) {
    it(`in ${encoding} is decompressed, in memory and on disk`, async () => {
      for (const size of [1, 777, 64 * 1024]) {
        const payload = sent(encoding.toUpperCase(), compress[encoding](plain), size);
        const { bytes, isStored, used } = await receive(payload);
        assert.ok(bytes.equals(plain));
        assert.deepEqual([isStored, used], [false, 0]);
        assert.deepEqual([payload.headers['content-encoding'], payload.rawHeaders], [undefined, ['X-Own', 'kept']]);
      }
      const limits = { ...bodyLimits(8 * mebibyte), maxMemoryBytes: 4096 };
      const { bytes, model, isStored } = await receive(sent(encoding, compress[encoding](plain)), limits);
      assert.ok(bytes.equals(plain));
      assert.deepEqual([isStored, model], [true, 'demo']);
    });

    it(`in ${encoding} is refused when it is damaged, cut off or too large once decompressed`, async () => {
      const good = compress[encoding](plain);
      const bad = { code: 'INVALID_INPUT', message: new RegExp(`it is not ${encoding}: `) };
      await assert.rejects(receive(sent(encoding, Buffer.from('{"model":"demo"}'))), bad);
      await assert.rejects(receive(sent(encoding, good.subarray(0, good.length - 9))), bad);
      const memory = new BodyMemory();
      const bomb = compress[encoding](Buffer.alloc(9 * mebibyte));
      await assert.rejects(receive(sent(encoding, bomb), bodyLimits(8 * mebibyte), memory), { code: 'BODY_TOO_LARGE' });
      assert.equal(memory.used, 0);
    });
  }

  it('waits for a slot where its format needs much memory, and gives it back', async () => {
    const stuck = Array.from({ length: 4 }, () => {
      const { headers, rawHeaders } = sent('br', Buffer.alloc(0));
      const payload = Object.assign(new Readable({ read() {} }), { headers, rawHeaders });
      payload.push(brotliCompressSync(plain).subarray(0, 20));
      const failed = assert.rejects(receive(payload as unknown as ReturnType<typeof sent>), /gone/);
      return { payload, failed };
    });
    let isOver = false;
    const waiting = receive(sent('br', brotliCompressSync(plain))).then(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(isOver, false);
    assert.ok((await receive(sent('gzip', gzipSync(plain)))).bytes.equals(plain));
    stuck[0]?.payload.destroy(new Error('gone'));
    await waiting;
    for (const { payload, failed } of stuck) {
      payload.destroy(new Error('gone'));
      await failed;
    }
  });

  it('in an unknown encoding is refused', async () => {
    for (const encoding of ['compress', 'gzip, br', 'constructor'])
      await assert.rejects(receive(sent(encoding, Buffer.from('x'))), { code: 'UNSUPPORTED_ENCODING' });
  });
});
