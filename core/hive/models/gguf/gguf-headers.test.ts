import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { readGgufHeader } from './gguf-header.ts';
import { GgufHeaders } from './gguf-headers.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-gguf-'));
});
after(() => rm(folder, { recursive: true, force: true }));

type Entry = [key: string, type: number, value: Buffer];

const long = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const int = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const text = (value: string) => Buffer.concat([long(Buffer.byteLength(value)), Buffer.from(value)]);
const texts = (values: readonly string[]) => Buffer.concat([int(8), long(values.length), ...values.map(text)]);
const file = (entries: readonly Entry[], tensors: readonly (readonly number[])[] = [], version = int(3)) =>
  Buffer.concat([
    Buffer.from('GGUF'),
    version,
    long(tensors.length),
    long(entries.length),
    ...entries.flatMap(([key, type, value]) => [text(key), int(type), value]),
    ...tensors.flatMap((shape) => [text('t'), int(shape.length), ...shape.map(long), int(0), long(0)]),
    Buffer.alloc(64),
  ]);

const write = async (name: string, bytes: Buffer) => {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
};

/** The vocabulary of a large model: 152,000 tokens and 151,000 merges. */
const large = () =>
  file(
    [
      ['general.architecture', 8, text('qwen3')],
      ['tokenizer.ggml.tokens', 9, texts(Array.from({ length: 152_000 }, (_, at) => `token${at}`))],
      ['tokenizer.ggml.merges', 9, texts(Array.from({ length: 151_000 }, (_, at) => `to ken${at}`))],
      ['tokenizer.ggml.token_type', 9, Buffer.concat([int(5), long(3), Buffer.alloc(12)])],
      ['qwen3.context_length', 4, int(40_960)],
      ['tokenizer.chat_template', 8, text('x'.repeat(100_000))],
    ],
    [[10, 20], [7]],
  );

test('the metadata of a header is read, and its arrays are skipped', async () => {
  const double = Buffer.alloc(8);
  double.writeDoubleLE(0.5);
  const path = await write(
    'small.gguf',
    file([
      ['general.name', 8, text('ä')],
      ['a.bool', 7, Buffer.from([1])],
      ['a.signed', 5, Buffer.from([255, 255, 255, 255])],
      ['a.long', 10, long(5_000_000_000)],
      ['a.double', 12, double],
      ['a.nested', 9, Buffer.concat([int(9), long(1), texts(['a', 'b'])])],
    ]),
  );
  assert.deepEqual(readGgufHeader(path), {
    metadata: { 'general.name': 'ä', 'a.bool': true, 'a.signed': -1, 'a.long': 5_000_000_000, 'a.double': 0.5 },
    longTexts: [],
    parameters: 0,
  });
});

// Reading the header of a large vocabulary used to block the daemon and every stream for 0.9 s at each spawn.
test('a large header is read in another thread, and only once while the file is unchanged', async () => {
  const path = await write('large.gguf', large());
  const threads: number[] = [];
  const started = (thread: Worker) => threads.push(thread.threadId);
  process.on('worker', started);
  try {
    const kept = join(folder, 'kept');
    const headers = new GgufHeaders({ folder: kept });
    const [one, two] = await Promise.all([headers.of(path), headers.of(path)]);
    assert.deepEqual(one, {
      metadata: { 'general.architecture': 'qwen3', 'qwen3.context_length': 40_960 },
      longTexts: ['tokenizer.chat_template'],
      parameters: 207,
    });
    assert.deepEqual(two, one);
    assert.deepEqual(await headers.of(path), one);
    assert.equal(threads.length, 1);
    // Another hive process reuses what the first one stored.
    assert.deepEqual(await new GgufHeaders({ folder: kept }).of(path), one);
    assert.equal(threads.length, 1);
    await writeFile(path, file([['general.architecture', 8, text('llama')]]));
    assert.equal((await headers.of(path))?.metadata['general.architecture'], 'llama');
    assert.equal(threads.length, 2);
  } finally {
    process.off('worker', started);
  }
});

test('a damaged header, or one that claims to be endless, counts as missing', async () => {
  const endless = file([['a', 9, Buffer.concat([int(8), long(200_000_000)])]]);
  const damaged: [string, Buffer][] = [
    ['no-magic.gguf', Buffer.from('garbage')],
    ['version.gguf', file([], [], int(50_331_648))],
    ['cut.gguf', large().subarray(0, 100_000)],
    ['endless.gguf', endless],
    ['type.gguf', file([['a', 77, Buffer.alloc(8)]])],
    ['empty.gguf', Buffer.alloc(0)],
  ];
  const headers = new GgufHeaders({ folder: join(folder, 'damaged') });
  for (const [name, bytes] of damaged) assert.equal(await headers.of(await write(name, bytes)), null, name);
  assert.equal(await headers.of(join(folder, 'gone.gguf')), null);
});

test('the cache is bounded, and a damaged entry is read again from the model', async () => {
  let reads = 0;
  const kept = join(folder, 'bounded');
  const read = async () => {
    reads += 1;
    return { metadata: {}, longTexts: [], parameters: reads };
  };
  const path = await write('changing.gguf', Buffer.from('GGUF'));
  const headers = new GgufHeaders({ folder: kept, read, max: 5 });
  for (let second = 1; second <= 8; second += 1) {
    await utimes(path, second, second);
    assert.equal((await headers.of(path))?.parameters, second);
  }
  const names = await readdir(kept);
  assert.ok(names.length <= 5, String(names.length));
  for (const name of names) await writeFile(join(kept, name), '{"header":5}');
  assert.equal((await new GgufHeaders({ folder: kept, read }).of(path))?.parameters, 9);
});
