import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentProblem, formatOf, modelProblem } from './content.ts';

const safetensors = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]);
const page = Buffer.from('\n<!-- a --><!DOCTYPE html><html><body>Sign in</body></html>');

test('a weights file is recognized by its first bytes', () => {
  const cases: [string, Buffer, string | undefined][] = [
    ['a.gguf', Buffer.from('GGUF\x03'), 'gguf'],
    ['a', Buffer.from('GGUF\x03'), 'gguf'],
    ['a.bin', Buffer.from('lmgg'), 'ggml'],
    ['a.safetensors', safetensors, 'safetensors'],
    ['a.onnx', Buffer.from([8, 7]), 'onnx'],
    ['a.onnx', page, undefined],
    ['a.bin', Buffer.from('PK\x03\x04'), undefined],
    ['a.gguf', Buffer.alloc(0), undefined],
  ];
  for (const [path, head, format] of cases) assert.equal(formatOf(path, head), format, path);
});

test('a file whose content contradicts its name is reported', () => {
  assert.match(contentProblem('a.gguf', page) ?? '', /web page/);
  assert.match(contentProblem('config.json', page) ?? '', /web page/);
  assert.match(contentProblem('a.gguf', Buffer.from('{"error": 1}')) ?? '', /it is JSON/);
  assert.match(contentProblem('a.gguf', Buffer.from('hello')) ?? '', /GGUF/);
  assert.match(contentProblem('a.safetensors', Buffer.from('version https://git-lfs')) ?? '', /Git LFS pointer/);
  for (const [path, head] of [
    ['a.gguf', Buffer.from('GGUF')],
    ['a.safetensors', safetensors],
    ['README.md', page],
    ['README.md', Buffer.from('<p align="center">')],
    ['vocab.txt', Buffer.alloc(0)],
  ] as const)
    assert.equal(contentProblem(path, head), undefined, path);
});

test('a single file must look like a model', () => {
  assert.match(modelProblem('index.html', page, undefined) ?? '', /web page/);
  assert.match(modelProblem('notes', Buffer.from('hello'), ['gguf']) ?? '', /not a model .*gguf, safetensors/);
  assert.equal(modelProblem('notes', Buffer.from('hello'), ['gguf', 'own-format']), undefined);
  assert.equal(modelProblem('a.ckpt', Buffer.from([0x80, 2]), ['gguf']), undefined);
  assert.equal(modelProblem('download', Buffer.from('GGUF'), undefined), undefined);
});
