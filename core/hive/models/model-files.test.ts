import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RbeeError } from '../../contract/errors.ts';
import { GgufHeaders } from './gguf-headers.ts';
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

test('a file is known by its first bytes', async () => {
  const model = await resolve('good.gguf');
  assert.deepEqual(model.files, { main: join(folder, 'good.gguf') });
  assert.equal(model.facts.format, 'gguf');
  assert.equal(model.facts.bytes, 24);
});

test('a folder is known by what it holds', async () => {
  const model = await resolve('onnx');
  assert.equal(model.facts.format, 'onnx-dir');
  assert.equal(model.facts.bytes, 10);
});

test('the demo model comes with the plugin', async () => {
  const model = await resolveModel({ kind: 'demo' }, type, folder, 'local', headers);
  assert.equal(model.files['main'], join(folder, 'good.gguf'));
  const none = { name: 'echo', models: { formats: ['gguf'] } };
  await assert.rejects(resolveModel({ kind: 'demo' }, none, folder, 'local', headers), code('MODEL_NO_DEMO'));
});

test('what is not there, not readable, empty or of another format is refused, each by its own code', async () => {
  await assert.rejects(resolve('gone.gguf'), code('MODEL_FILE_MISSING'));
  await assert.rejects(resolve('good.gguf/inside'), code('MODEL_FILE_MISSING'));
  await assert.rejects(resolve('garbage.gguf'), /its format is not known/);
  await assert.rejects(resolve('empty.gguf'), /it is empty/);
  await assert.rejects(resolve('good.gguf', { name: 'echo', models: { formats: ['onnx'] } }), code('MODEL_FORMAT'));
  await assert.rejects(
    resolveModel({ kind: 'file', path: 'a.gguf' }, type, folder, 'local', headers),
    code('MODEL_REFERENCE_INVALID'),
  );
});

test('a file that the user of the hive may not read is refused', async () => {
  await chmod(join(folder, 'good.gguf'), 0);
  const root = process.geteuid?.() === 0;
  // Root may read everything, so for a moment this process is nobody.
  if (root) process.seteuid?.(65_534);
  try {
    await assert.rejects(resolve('good.gguf'), code('MODEL_FILE_UNREADABLE'));
  } finally {
    if (root) process.seteuid?.(0);
  }
});
