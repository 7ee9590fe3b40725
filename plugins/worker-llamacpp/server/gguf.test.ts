import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { chainModel } from '../demo/chain-model.ts';
import { checkModel } from './check-model.ts';
import { readGgufHeader } from './gguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-gguf-'));
const file = join(folder, 'model.gguf');
after(() => rmSync(folder, { recursive: true, force: true }));
const whole = chainModel();
const write = (bytes: Buffer) => writeFileSync(file, bytes);

describe('the reader of GGUF headers', () => {
  it('reads metadata and tensors', () => {
    write(whole);
    const { version, metadata, tensors, fileSize } = readGgufHeader(file);
    assert.equal(version, 3);
    assert.equal(metadata.get('general.architecture'), 'llama');
    assert.equal(metadata.get('llama.context_length'), 4096);
    assert.equal(metadata.get('tokenizer.ggml.add_bos_token'), true);
    assert.equal((metadata.get('tokenizer.ggml.tokens') as string[])[0], '<unk>');
    assert.equal(tensors.at(-1)?.name, 'output.weight');
    const last = tensors.at(-1);
    assert.equal((last?.offset ?? 0) + 4 * (last?.shape.reduce((a, b) => a * b) ?? 0), fileSize);
  });

  it('refuses a file that is truncated anywhere, with a message and without a crash', () => {
    for (let length = 0; length < whole.length; length += 997) {
      write(whole.subarray(0, length));
      assert.throws(() => checkModel(file), /cut off|"GGUF" is expected/, `cut at ${length}`);
    }
  });

  it('recognises a big-endian file, rather than reporting version 50331648', () => {
    const swapped = Buffer.from(whole);
    swapped.writeUInt32BE(3, 4);
    write(swapped);
    assert.throws(() => checkModel(file), /big-endian/);
  });

  it('survives a damaged byte anywhere in its header', () => {
    for (let place = 0; place < 9000; place += 31) {
      const damaged = Buffer.from(whole);
      damaged[place] = (damaged[place] ?? 0) ^ 0xff;
      write(damaged);
      try {
        readGgufHeader(file);
      } catch (error) {
        assert.equal((error as Error).name, 'GgufError', `at ${place}: ${error}`);
      }
    }
  });
});
