import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { type LineLimits, readJson, readJsonLines } from './read-bounded.ts';

const limits: LineLimits = {
  maxLineBytes: 1_000,
  maxBytes: 10_000,
  lines: { perSecond: 1, burst: 100 },
  bytes: { perSecond: 1, burst: 5_000 },
};

const collect = async (stream: Readable, over: Partial<LineLimits> = {}): Promise<unknown[]> => {
  const values: unknown[] = [];
  await readJsonLines(stream, { ...limits, ...over }, (value) => {
    values.push(value);
  });
  return values;
};

const endless = (text: string): Readable =>
  Readable.from(
    (function* () {
      for (;;) yield Buffer.from(text);
    })(),
  );

test('values are complete, however they are split into chunks', async () => {
  const bytes = Buffer.from('{"a":"é"}\n\n{"b":2}\n');
  const pieces = [...bytes].map((byte) => Buffer.from([byte]));
  assert.deepEqual(await collect(Readable.from(pieces)), [{ a: 'é' }, { b: 2 }]);
});

test('the error of a broken stream comes after its values', async () => {
  const stream = new PassThrough();
  stream.write('{"a":1}\n');
  const values: unknown[] = [];
  const reading = readJsonLines(stream, limits, (value) => {
    values.push(value);
    stream.destroy(new Error('cut'));
  });
  await assert.rejects(reading, /cut/);
  assert.deepEqual(values, [{ a: 1 }]);
});

test('a stream that is closed before its end is an error', async () => {
  const stream = new PassThrough();
  const reading = readJsonLines(stream, limits, () => void stream.destroy());
  stream.write('{"a":1}\n');
  await assert.rejects(reading, { code: 'ERR_STREAM_PREMATURE_CLOSE' });
});

test('the first result ends the reading', async () => {
  const stream = endless('1\n2\n3\n');
  const values: unknown[] = [];
  const result = await readJsonLines(stream, limits, (value) => {
    values.push(value);
    return value === 2 ? 'two' : undefined;
  });
  assert.equal(result, 'two');
  assert.deepEqual(values, [1, 2]);
  assert.equal(stream.destroyed, true);
});

// A hive that narrated without end filled the memory of the queen and its disk: 2 GB in 45 seconds.
test('endless lines are refused by number, by size and by total size', async () => {
  await assert.rejects(collect(endless('1\n')), /too many lines a second/);
  await assert.rejects(collect(endless('\n')), /too many lines a second/);
  await assert.rejects(collect(endless(`"${'x'.repeat(500)}"\n`)), /too many bytes a second/);
  const fast = { bytes: { perSecond: 1, burst: 1e9 } };
  await assert.rejects(collect(endless(`"${'x'.repeat(500)}"\n`), fast), /longer than 10000 bytes/);
  await assert.rejects(collect(endless('x'), fast), /a line is longer than 1000 bytes/);
});

test('a line that is not JSON is refused', async () => {
  await assert.rejects(collect(Readable.from([Buffer.from('<html>\n')])), /not JSON/);
});

test('an endless body is refused by size or by time', async () => {
  await assert.rejects(readJson(endless('xxxxxxxx'), { maxBytes: 1_000, timeoutMs: 60_000 }), /longer than 1000 bytes/);
  await assert.rejects(readJson(new PassThrough(), { maxBytes: 1_000, timeoutMs: 10 }), /took longer than 0.01 s/);
  assert.deepEqual(await readJson(Readable.from([Buffer.from('{"a":1}')]), { maxBytes: 1_000, timeoutMs: 60_000 }), {
    a: 1,
  });
});
