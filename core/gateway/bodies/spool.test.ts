import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { bodyToEvict, Spool, type SpoolFile } from './spool.ts';

const mebibyte = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'rbee-spool-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A spool on a disk of this size that holds nothing else. */
const diskOf = (size: number) => {
  const files: SpoolFile[] = [];
  const asked: number[] = [];
  const lost = new Set<SpoolFile>();
  const spool = new Spool(join(folder, 'spool'), async (path, bytes) => {
    asked.push(bytes);
    const used = files.filter((file) => !lost.has(file)).reduce((sum, { length }) => sum + length, 0);
    if (used + bytes > size) throw RbeeError.of('NO_SPACE', { path, needed: String(bytes), free: String(size - used) });
  });
  const open = async () => {
    const file = await spool.create();
    const evict = file.evict.bind(file);
    file.evict = (reason) => {
      lost.add(file);
      return evict(reason);
    };
    files.push(file);
    return file;
  };
  return { spool, open, asked, end: () => Promise.all(files.map((file) => file.remove())) };
};

const write = async (file: SpoolFile, bytes: number) => {
  for (let left = bytes; left > 0; left -= 64 * 1024) await file.write(Buffer.alloc(Math.min(left, 64 * 1024)));
};

// 100 connections that announced 1 GiB and sent 10 bytes used to reserve the whole free disk for two minutes.
test('a body reserves disk space for what arrives, not for what it announces', async () => {
  const { spool, open, asked, end } = diskOf(10 * mebibyte);
  for (let body = 0; body < 100; body += 1) await spool.expect(8 * mebibyte);
  const file = await open();
  await write(file, 4 * mebibyte);
  assert.ok(Math.max(...asked.slice(100)) <= 4 * mebibyte, 'never more ahead than is there already');
  const other = await open();
  await write(other, 4 * mebibyte);
  file.complete();
  other.complete();
  await assert.rejects(spool.expect(11 * mebibyte), { code: 'NO_SPACE' });
  await end();
});

test('on a full disk, the slowest body of those that use more than their share is dropped', async () => {
  const { open, end } = diskOf(8 * mebibyte);
  const slow = await open();
  await write(slow, 6 * mebibyte);
  const quick = await open();
  await write(quick, 3 * mebibyte);
  quick.complete();
  await assert.rejects(slow.write(Buffer.alloc(10)), { code: 'NO_SPACE' });
  assert.throws(() => slow.complete(), { code: 'NO_SPACE' });
  await end();
});

test('a complete body is not dropped, and the one that needs more space is refused', async () => {
  const { open, end } = diskOf(8 * mebibyte);
  const whole = await open();
  await write(whole, 6 * mebibyte);
  whole.complete();
  const late = await open();
  await assert.rejects(write(late, 4 * mebibyte), { code: 'NO_SPACE' });
  assert.equal(
    (await whole.read().toArray()).reduce((sum, { length }) => sum + length, 0),
    6 * mebibyte,
  );
  await end();
});

test('the body to drop depends on its share first, then on its speed', () => {
  const body = (name: string, length: number, begunAt: number) => ({ name, length, begunAt });
  const [small, slow, quick] = [body('small', 10, 0), body('slow', 900, 0), body('quick', 1_000, 800)];
  assert.equal(bodyToEvict([small, slow, quick], small, 1_000).name, 'slow');
  assert.equal(bodyToEvict([small, quick], small, 1_000).name, 'quick');
  assert.equal(bodyToEvict([small], small, 1_000).name, 'small');
  assert.equal(bodyToEvict([slow, body('same', 900, 0)], slow, 1_000).name, 'slow');
});
