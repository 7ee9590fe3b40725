import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RbeeError } from '../contract/errors.ts';
import { workerSpec } from '../contract/worker.ts';
import { spawnInput } from './commands/worker/spawn.ts';
import { absoluteModel, parseMemory, parseNumber, parseOptions, parseWord, words } from './spawn-input.ts';

const cpus = { min: 0.01, max: 4096 };
const usage = (error: unknown): boolean => error instanceof RbeeError && error.code === 'USAGE';

describe('model paths', () => {
  it('become absolute for the hive of this machine, relative to the current folder', () => {
    assert.equal(absoluteModel('./m.gguf', undefined, '/here'), 'file:/here/m.gguf');
    assert.equal(absoluteModel('../m.gguf', 'local', '/here/now'), 'file:/here/m.gguf');
    assert.equal(absoluteModel('file:m.gguf', undefined, '/here'), 'file:/here/m.gguf');
  });

  it('may be a plain name if such a file exists', () => {
    const here = mkdtempSync(join(tmpdir(), 'rbee-model-'));
    try {
      for (const name of ['tiny.gguf', 'demo', 'qwen3-0.6b']) writeFileSync(join(here, name), '');
      assert.equal(absoluteModel('tiny.gguf', undefined, here), `file:${here}/tiny.gguf`);
      for (const text of ['other.gguf', 'demo', 'qwen3-0.6b']) assert.equal(absoluteModel(text, undefined, here), text);
      assert.equal(absoluteModel('tiny.gguf', 'gpu-box', here), 'tiny.gguf');
    } finally {
      rmSync(here, { recursive: true });
    }
  });

  it('stay unchanged if they are absolute, not paths, or for another machine', () => {
    for (const text of ['/m.gguf', 'file:/m.gguf', 'demo', 'qwen3-0.6b', 'file:']) {
      assert.equal(absoluteModel(text, undefined, '/here'), text);
    }
    assert.equal(absoluteModel('./m.gguf', 'gpu-box', '/here'), './m.gguf');
  });
});

describe('options of a worker type', () => {
  it('are numbers, booleans and lists if they look like it, otherwise strings', () => {
    const options = parseOptions(
      ['ctx=2048', 'flash=true', 'tags=["a"]', 'engine=builtin', 'eq=a=b', 'id=007'],
      'help',
    );
    assert.deepEqual(options, { ctx: 2048, flash: true, tags: ['a'], engine: 'builtin', eq: 'a=b', id: '007' });
  });

  it('become lists when they are repeated', () => {
    const pairs = ['lang=en', 'slots=1', 'lang=de', 'lang=["fr","it"]'];
    assert.deepEqual(parseOptions(pairs, 'help'), { lang: ['en', 'de', 'fr', 'it'], slots: 1 });
  });

  it('are refused without a key, and are only data', () => {
    assert.throws(() => parseOptions(['ctx'], 'help'), usage);
    assert.throws(() => parseOptions(['=1'], 'help'), usage);
    assert.equal(JSON.stringify(parseOptions(['__proto__=1'], 'help')), '{"__proto__":1}');
  });
});

describe('the input of worker spawn', () => {
  it('contains what was typed and nothing else', () => {
    const flags = {
      type: 'llamacpp',
      model: './m.gguf',
      option: ['ctx=64'],
      'memory-limit': '1GiB',
      'cpu-limit': '0.5',
      force: false,
    };
    assert.deepEqual(spawnInput(flags, '/here'), {
      type: 'llamacpp',
      model: 'file:/here/m.gguf',
      options: { ctx: 64 },
      memoryLimit: 1024 ** 3,
      cpuLimit: 0.5,
    });
  });

  it('refuses invalid sizes and numbers', () => {
    assert.throws(() => parseMemory('much', 'help'), usage);
    assert.throws(() => parseNumber('cpu-limit', 'two', 'help', cpus), usage);
    assert.throws(() => parseNumber('cpu-limit', '', 'help', cpus), usage);
    assert.throws(() => parseNumber('cpu-limit', '0', 'help', cpus), usage);
    assert.throws(() => parseMemory('1KiB', 'help'), usage);
  });

  it('refuses invalid ids and names, and names the flag', () => {
    const { id, name } = workerSpec.properties;
    assert.equal((id as { pattern?: string }).pattern, words.id.pattern.source);
    assert.equal((name as { pattern?: string }).pattern, words.name.pattern.source.replaceAll('\\/', '/'));
    assert.equal(parseWord('id', 'a-1', 'help'), 'a-1');
    assert.equal(parseWord('name', 'Qwen/3:0.6b', 'help'), 'Qwen/3:0.6b');
    assert.throws(() => parseWord('id', 'a b', 'help'), /^RbeeError: --id /);
    assert.throws(() => parseWord('name', 'x y', 'help'), /^RbeeError: --name /);
  });
});
