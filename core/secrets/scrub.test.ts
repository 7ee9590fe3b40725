import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Redactor } from './redaction.ts';
import { scrubLog } from './scrub.ts';

const redactor = new Redactor(() => [
  ['token', 'a "value" of some length'],
  ['x', 'abcd'],
]);

test('values become their names or asterisks of the same length, in all pieces of a log', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-scrub-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'log');
  const text = 'one a "value" of some length.\n{"t":"a \\"value\\" of some length"} abcdabcd abc\n';
  const scrubbed = 'one secret:token************.\n{"t":"secret:token**************"} ******** abc\n';
  await writeFile(file, text);
  await writeFile(`${file}.2`, text);
  await scrubLog(file, redactor);
  assert.equal(await readFile(file, 'utf8'), scrubbed);
  assert.equal(await readFile(`${file}.2`, 'utf8'), scrubbed);
  await scrubLog(join(folder, 'none'), redactor);
});

test('a value is found anywhere, also across block boundaries', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-scrub-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'log');
  const block = 256 * 1024;
  for (let at = block - 5; at <= block + 30; at += 1) {
    await writeFile(file, `${'.'.repeat(at)}abcd${'.'.repeat(block)}abcd`);
    await scrubLog(file, redactor);
    assert.equal(await readFile(file, 'utf8'), `${'.'.repeat(at)}****${'.'.repeat(block)}****`);
  }
});
