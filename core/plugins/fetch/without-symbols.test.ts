import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { tempFolder } from '../../lifecycle/process/testing.ts';
import { withoutSymbols } from './without-symbols.ts';

const passed = (pieces: readonly Buffer[]): Promise<Buffer> => buffer(withoutSymbols(Readable.from(pieces)));

test('Node without its symbols is smaller, and runs', { skip: process.platform !== 'linux' }, async (t) => {
  const lean = join(await tempFolder(t), 'node');
  await pipeline(createReadStream(process.execPath), withoutSymbols, createWriteStream(lean, { mode: 0o755 }));
  const script = 'JSON.stringify([process.version, new Intl.NumberFormat("de").format(0.5)])';
  assert.equal(
    execFileSync(lean, ['-p', script], { encoding: 'utf8' }),
    execFileSync(process.execPath, ['-p', script], { encoding: 'utf8' }),
  );
  const [before, after] = await Promise.all([stat(process.execPath), stat(lean)]);
  assert.ok(after.size < 0.9 * before.size, `${after.size} of ${before.size} bytes`);
});

/** 64 bits, little-endian, with one segment of 5,000 bytes, 3,000 bytes behind it, and then the list of sections. */
const elf = (sections = 8_000): Buffer => {
  const file = Buffer.alloc(8_064, 'x');
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(BigInt(sections), 40);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeBigUInt64LE(0n, 64 + 8);
  file.writeBigUInt64LE(5_000n, 64 + 32);
  return file;
};

test('what is loaded stays as it is, however it arrives', async () => {
  const file = elf();
  const expected = Buffer.from(file.subarray(0, 5_000));
  expected.fill(0, 40, 48);
  expected.fill(0, 60, 64);
  assert.deepEqual(await passed([elf()]), expected);
  assert.deepEqual(await passed(Array.from(file, (byte) => Buffer.from([byte]))), expected);
});

test('whatever is no program of that kind passes as it is', async () => {
  const others = [
    Buffer.from('#!/bin/sh\n'),
    Buffer.alloc(0),
    Buffer.alloc(10_000, 'text'),
    elf(4_000),
    elf().subarray(0, 3_000),
  ];
  for (const other of others) assert.deepEqual(await passed([Buffer.from(other)]), other);
});
