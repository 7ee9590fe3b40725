import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { readLines } from './read-lines.ts';

const collect = async (stream: Readable): Promise<unknown[]> => {
  const values: unknown[] = [];
  for await (const value of readLines(stream)) values.push(value);
  return values;
};

test('values come out whole however the bytes are cut', async () => {
  const bytes = Buffer.from('{"a":"é"}\n\n{"b":2}\n');
  const pieces = [...bytes].map((byte) => Buffer.from([byte]));
  assert.deepEqual(await collect(Readable.from(pieces)), [{ a: 'é' }, { b: 2 }]);
});

test('a stream that breaks off tells so after what it gave', async () => {
  const stream = new PassThrough();
  stream.write('{"a":1}\n');
  const values: unknown[] = [];
  await assert.rejects(async () => {
    for await (const value of readLines(stream)) {
      values.push(value);
      stream.destroy(new Error('cut'));
    }
  }, /cut/);
  assert.deepEqual(values, [{ a: 1 }]);
});
