import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, zstdCompressSync } from 'node:zlib';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import { tempFolder } from '../../lifecycle/process/testing.ts';
import { Bundles } from './bundles.ts';

test('rbee is packed once for concurrent callers, and again after the cache is emptied', async (t) => {
  const cache = await tempFolder(t);
  const bundles = new Bundles({ cache, fetcher: () => Promise.reject(new Error('nothing should be downloaded')) });
  const said: NarrationEvent[] = [];
  const call = { narrate: (event: NarrationEvent) => void said.push(event), signal: new AbortController().signal };
  const packings = () => said.filter(({ kind }) => kind === 'done').length;
  const [first, second] = await Promise.all([bundles.app(call), bundles.app(call)]);
  assert.deepEqual([second, packings()], [first, 1]);
  await rm(cache, { recursive: true });
  const third = await bundles.app(call);
  assert.deepEqual([third.sha256, packings()], [first.sha256, 2]);
  assert.equal((await stat(third.file)).size, third.size);
  const cancelled = AbortSignal.abort(new Error('enough'));
  await rm(cache, { recursive: true });
  await assert.rejects(bundles.app({ ...call, signal: cancelled }), /enough/);
  assert.equal((await bundles.app(call)).sha256, first.sha256, 'the next caller is not affected');
});

test('a runtime is packed once, in a format that the machine can unpack', async (t) => {
  const cache = await tempFolder(t);
  const bundles = new Bundles({ cache, fetcher: () => Promise.reject(new Error('nothing should be downloaded')) });
  const program = Buffer.from('a program '.repeat(1000));
  const file = join(cache, 'abc.zst');
  await writeFile(file, zstdCompressSync(program));
  const packedSize = (await stat(file)).size;
  const runtime = { version: '26.10.0', file, sha256: 'abc', size: program.length, packedSize };
  assert.deepEqual(await bundles.packed(runtime, 'zstd'), { file, size: packedSize });
  const [gzip, again] = await Promise.all([bundles.packed(runtime, 'gzip'), bundles.packed(runtime, 'gzip')]);
  assert.deepEqual(again, gzip);
  assert.deepEqual(gunzipSync(await readFile(gzip.file)), program);
  const plain = await bundles.packed(runtime, 'none');
  assert.deepEqual([await readFile(plain.file), plain.size], [program, program.length]);
  await writeFile(file, 'damaged');
  assert.deepEqual(await bundles.packed(runtime, 'gzip'), gzip, 'it is cached');
  await rm(gzip.file);
  await assert.rejects(bundles.packed(runtime, 'gzip'), { code: 'ZSTD_error_prefix_unknown' });
  assert.deepEqual((await readdir(cache)).sort(), ['abc.raw', 'abc.zst']);
});
