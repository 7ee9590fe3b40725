import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, tempFolder } from '../process/testing.ts';
import { watchLines } from './follow.ts';
import { follow, openLog, rotate, rotateRegularly, tail } from './logs.ts';
import { LogReader } from './reader.ts';
import { tailText } from './tail.ts';

test('a log is private, and writing continues after a truncation', async (t) => {
  const file = join(await tempFolder(t), 'logs', 'a.log');
  const log = await openLog(file);
  t.after(() => log.close());
  await log.write('one\n');
  await truncate(file, 0);
  await log.write('two\n');
  assert.equal(await readFile(file, 'utf8'), 'two\n');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('a log that cannot be opened is an error that names it', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(openLog(join(folder, 'file', 'a.log')), { code: 'STATE_UNWRITABLE' });
});

test('the tail is the last lines, however long the log and its lines', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  assert.deepEqual(await tail(file, 5), []);
  await writeFile(file, '');
  assert.deepEqual(await tail(file, 5), []);
  await writeFile(file, 'one\r\ntwo\nthree');
  assert.deepEqual(await tail(file, 2), ['two', 'three']);
  assert.deepEqual(await tail(file, 9), ['one', 'two', 'three']);
  assert.deepEqual(await tail(file, 0), []);
  await writeFile(
    file,
    Array.from({ length: 50_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 90)}`).join('\n') + '\n',
  );
  const last = await tail(file, 3000);
  assert.equal(last.length, 3000);
  assert.match(last[0] ?? '', /^line 47000 /);
  await writeFile(file, `${'x'.repeat(6 * 1024 * 1024)}\nend\n`);
  assert.equal((await tail(file, 2)).at(-1), 'end');
  assert.ok((await tailText(file, 2)).length <= 4 * 1024 * 1024);
});

test('the tail can leave out what an earlier process wrote', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'old\nnew\nnewer\n');
  assert.deepEqual(await tail(file, 9, { from: 4 }), ['new', 'newer']);
  assert.deepEqual(await tail(file, 9, { from: 4, end: 8 }), ['new']);
  assert.deepEqual(await tail(file, 1, { from: 400 }), ['newer'], 'the log has been cut since');
});

test('following starts with the last lines and continues across a rotation', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'one\ntwo\nthree\n');
  const ended = new AbortController();
  let text = '';
  const done = (async () => {
    for await (const piece of follow(file, { lines: 2, signal: ended.signal })) text += piece;
  })();
  await eventually(() => text === 'two\nthree\n');
  await appendFile(file, 'four ü\n');
  await eventually(() => text.endsWith('four ü\n'));
  assert.equal(await rotate(file, { limit: 5 }), true);
  await appendFile(file, 'five\n');
  await eventually(() => text.endsWith('five\n'));
  assert.equal(text, 'two\nthree\nfour ü\nfive\n');
  ended.abort();
  await done;
});

test('following a missing log waits for it', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  const ended = new AbortController();
  const pieces = follow(file, { lines: 10, signal: ended.signal });
  const first = pieces.next();
  await writeFile(file, 'hello\n');
  assert.equal((await first).value, 'hello\n');
  const second = pieces.next();
  ended.abort();
  assert.equal((await second).done, true);
});

test('rotation happens only when the log is too large, and keeps a number of pieces, newest first', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'a.log');
  assert.equal(await rotate(file), false, 'no log, nothing to do');
  for (const text of ['first', 'second', 'third', 'fourth']) {
    await writeFile(file, text);
    assert.equal(await rotate(file, { limit: 100 }), false);
    assert.equal(await rotate(file, { limit: 4, keep: 2 }), true);
  }
  assert.deepEqual((await readdir(folder)).sort(), ['a.log', 'a.log.1', 'a.log.2']);
  assert.equal(await readFile(`${file}.1`, 'utf8'), 'fourth');
  assert.equal(await readFile(`${file}.2`, 'utf8'), 'third');
  await writeFile(file, 'fifth');
  assert.equal(await rotate(file, { limit: 4, keep: 0 }), true);
  assert.equal(await readFile(`${file}.1`, 'utf8'), 'fourth');
});

test('only the newest part of a flood beyond the limit is kept', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, `${'old'.repeat(10_000)}new`);
  await rotate(file, { limit: 1000 });
  const kept = await readFile(`${file}.1`, 'utf8');
  assert.equal(kept.length, 1000);
  assert.match(kept, /new$/);
});

test('a log is truncated even when its copy cannot be saved', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'a.log');
  await writeFile(file, 'too long');
  const { mkdir } = await import('node:fs/promises');
  await mkdir(join(folder, 'a.log.1.tmp'));
  assert.equal(await rotate(file, { limit: 4 }), true);
  assert.equal((await stat(file)).size, 0);
});

test('a regular check truncates a log that keeps growing', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'x'.repeat(100));
  const stop = rotateRegularly(file, { limit: 50, everyMs: 5 });
  t.after(stop);
  await eventually(async () => (await stat(file)).size === 0);
  await appendFile(file, 'y'.repeat(60));
  await eventually(async () => (await readFile(`${file}.1`, 'utf8').catch(() => '')) === 'y'.repeat(60));
});

test('watching lines delivers complete lines only, from the given offset', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'old\nhalf');
  const seen: string[] = [];
  const stop = watchLines(file, { from: 4, complete: true, onLines: (lines) => seen.push(...lines) });
  t.after(stop);
  await appendFile(file, ' whole\nnext');
  await eventually(() => seen.length === 1);
  await appendFile(file, '\n');
  await eventually(() => seen.length === 2);
  assert.deepEqual(seen, ['half whole', 'next']);
  stop();
});

test('watching lines skips part of a flood unless all lines are wanted', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'flood\n'.repeat(2_000_000));
  const count = async (complete: boolean) => {
    let lines = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = watchLines(file, {
      from: 0,
      complete,
      onLines: (some) => {
        lines += some.length;
        if (some.includes('end')) resolve();
      },
    });
    await promise;
    stop();
    return lines;
  };
  await appendFile(file, 'end\n');
  assert.equal(await count(true), 2_000_001);
  assert.ok((await count(false)) < 100_000);
});

test('a reader continues at the start when a log was truncated without a copy', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'a long first text\n');
  const reader = new LogReader(file, 0);
  assert.equal(String(await reader.read()), 'a long first text\n');
  assert.equal(await reader.read(), null);
  await writeFile(file, 'short\n');
  assert.equal(String(await reader.read()), 'short\n');
  await rm(file);
  assert.equal(await reader.read(), null);
});

test('a reader that was behind at a rotation reads the rest from the copy', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'one\n');
  const reader = new LogReader(file, 0);
  await reader.read();
  await appendFile(file, 'two\n');
  await rotate(file, { limit: 5 });
  await appendFile(file, 'x\n');
  assert.equal(String(await reader.read()), 'two\n');
  assert.equal(String(await reader.read()), 'x\n');
});
