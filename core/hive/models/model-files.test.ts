import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RbeeError } from '../../contract/errors.ts';
import { GgufHeaders } from './gguf/gguf-headers.ts';
import { resolveModel } from './model-files.ts';

let folder: string;
let headers: GgufHeaders;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-models-'));
  headers = new GgufHeaders({ folder: join(folder, 'headers') });
  await writeFile(join(folder, 'good.gguf'), Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(20)]));
  await writeFile(join(folder, 'garbage.gguf'), 'this is not a model');
  await writeFile(join(folder, 'empty.gguf'), '');
  await mkdir(join(folder, 'onnx'));
  await writeFile(join(folder, 'onnx/encoder.onnx'), 'x'.repeat(10));
});
after(() => rm(folder, { recursive: true, force: true }));

const type = { name: 'echo', models: { formats: ['gguf', 'onnx-dir'], demo: 'good.gguf' } };
const resolve = (path: string, of: Parameters<typeof resolveModel>[1] = type) =>
  resolveModel({ kind: 'file', path: join(folder, path) }, of, folder, 'local', headers);
const code = (expected: string) => (error: RbeeError) => error.code === expected;

test('a file is recognized by its first bytes', async () => {
  const model = await resolve('good.gguf');
  assert.deepEqual(model.files, { main: join(folder, 'good.gguf') });
  assert.equal(model.facts.format, 'gguf');
  assert.equal(model.facts.bytes, 24);
});

test('a folder is recognized by its contents', async () => {
  const model = await resolve('onnx');
  assert.equal(model.facts.format, 'onnx-dir');
  assert.equal(model.facts.bytes, 10);
});

test('the demo model comes with the plugin', async () => {
  const model = await resolveModel({ kind: 'demo' }, type, folder, 'local', headers);
  assert.equal(model.files['main'], join(folder, 'good.gguf'));
  const none = { name: 'echo', models: { formats: ['gguf'] } };
  await assert.rejects(resolveModel({ kind: 'demo' }, none, folder, 'local', headers), code('MODEL_DEMO_UNAVAILABLE'));
});

test('a missing, unreadable, empty or unsupported model is refused, each with its own code', async () => {
  await assert.rejects(resolve('gone.gguf'), code('MODEL_FILE_MISSING'));
  await assert.rejects(resolve('good.gguf/inside'), code('MODEL_FILE_MISSING'));
  await assert.rejects(resolve('garbage.gguf'), /its format is unknown/);
  await assert.rejects(resolve('empty.gguf'), /it is empty/);
  await assert.rejects(
    resolve('good.gguf', { name: 'echo', models: { formats: ['onnx'] } }),
    code('MODEL_FORMAT_UNSUPPORTED'),
  );
  await assert.rejects(
    resolveModel({ kind: 'file', path: 'a.gguf' }, type, folder, 'local', headers),
    code('MODEL_REFERENCE_INVALID'),
  );
});

// Each of these used to fail with "its format is not known", or with an engine that mentioned version 50331648.
test('the error says what a file is that is mistaken for a model', async () => {
  const bigEndian = Buffer.concat([Buffer.from('GGUF'), Buffer.from([0, 0, 0, 3]), Buffer.alloc(20)]);
  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 123\n';
  const cases: [name: string, content: string | Buffer, says: RegExp][] = [
    ['pointer.gguf', pointer, /Git LFS pointer.*git lfs pull/],
    ['page.gguf', '<!DOCTYPE html><html><body>Sign in</body></html>', /it is a web page/],
    ['big.gguf', bigEndian, /big-endian/],
    ['error.gguf', '{"error":"Repository not found"}', /it is JSON/],
    ['zipped.gguf', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip archive: unpack it/],
  ];
  for (const [name, content, says] of cases) {
    await writeFile(join(folder, name), content);
    await assert.rejects(resolve(name), says, name);
  }
});

test('errors name a folder of GGUF files, a missing part, and a part that is not the first', async () => {
  const gguf = Buffer.concat([Buffer.from('GGUF'), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16)]);
  await mkdir(join(folder, 'several'));
  for (const name of ['b.gguf', 'a.gguf']) await writeFile(join(folder, 'several', name), gguf);
  await assert.rejects(resolve('several'), /it is a folder; use one of the 2 files in it, such as .*several\/a\.gguf/);
  await mkdir(join(folder, 'nothing'));
  await assert.rejects(resolve('nothing'), /it is a folder without a model/);
  for (const part of [1, 3]) await writeFile(join(folder, `split-0000${part}-of-00003.gguf`), gguf);
  await assert.rejects(
    resolve('split-00001-of-00003.gguf'),
    (error: RbeeError) => error.code === 'MODEL_FILE_MISSING' && /split-00002-of-00003\.gguf/.test(error.message),
  );
  await writeFile(join(folder, 'split-00002-of-00003.gguf'), gguf);
  assert.equal((await resolve('split-00001-of-00003.gguf')).facts.bytes, 3 * gguf.length);
  await assert.rejects(resolve('split-00003-of-00003.gguf'), /part 3 of 3: use the first part, split-00001-of-00003/);
});

test("a file that the hive's user may not read is refused", async () => {
  await chmod(join(folder, 'good.gguf'), 0);
  const root = process.geteuid?.() === 0;
  // Root can read everything, so this process temporarily becomes another user.
  if (root) process.seteuid?.(65_534);
  try {
    await assert.rejects(resolve('good.gguf'), code('MODEL_FILE_UNREADABLE'));
  } finally {
    if (root) process.seteuid?.(0);
  }
});
