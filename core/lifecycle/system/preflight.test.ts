import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempFolder } from '../process/testing.ts';
import { availableMemory, builtFor, checkMemory, checkProgram } from './preflight.ts';

const elf = (machine: number): Buffer => {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header[4] = 2;
  header[5] = 1;
  header.writeUInt16LE(machine, 18);
  return header;
};
const other = process.arch === 'x64' ? 183 : 62;

test('a program is found as the system would find it', async (t) => {
  const cwd = await tempFolder(t);
  await writeFile(join(cwd, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  assert.deepEqual(await checkProgram(join(cwd, 'tool'), { cwd }), { ok: true, path: join(cwd, 'tool') });
  assert.deepEqual(await checkProgram('./tool', { cwd }), { ok: true, path: join(cwd, 'tool') });
  assert.deepEqual(await checkProgram('tool', { cwd, path: `/nowhere:${cwd}` }), { ok: true, path: join(cwd, 'tool') });
  assert.deepEqual(await checkProgram(process.execPath, { cwd }), { ok: true, path: process.execPath });
});

test('the reasons why a program cannot start are distinguished', async (t) => {
  const cwd = await tempFolder(t);
  await writeFile(join(cwd, 'plain'), 'text');
  await writeFile(join(cwd, 'script'), '#!/no/such/interpreter -x\n', { mode: 0o755 });
  await mkdir(join(cwd, 'folder'));
  const reason = async (program: string, place = { cwd, path: cwd }) => {
    const check = await checkProgram(program, place);
    return check.ok ? 'ok' : [check.reason, check.problem];
  };
  assert.deepEqual(await reason('missing'), ['missing', 'program missing not found on PATH']);
  assert.deepEqual(await reason('missing', { cwd, path: '' }), ['missing', 'program missing not found on PATH']);
  assert.deepEqual(await reason('./missing'), ['missing', 'program ./missing not found']);
  assert.deepEqual(await reason('plain'), ['not_executable', `${join(cwd, 'plain')} is not executable`]);
  assert.deepEqual(await reason(join(cwd, 'folder')), ['not_executable', `${join(cwd, 'folder')} is not a program`]);
  assert.deepEqual(await reason('script'), [
    'missing',
    `${join(cwd, 'script')} needs /no/such/interpreter, which does not exist`,
  ]);
  assert.deepEqual(await reason('plain', { cwd: join(cwd, 'gone'), path: cwd }), [
    'no_folder',
    `the working folder ${join(cwd, 'gone')} does not exist`,
  ]);
  await chmod(join(cwd, 'plain'), 0o755);
  assert.equal(await reason('plain'), 'ok', 'the system hands it to a shell');
});

test('a program for another processor or system is recognised by its header', {
  skip: process.platform !== 'linux' && 'ELF',
}, async (t) => {
  const cwd = await tempFolder(t);
  await writeFile(join(cwd, 'foreign'), elf(other), { mode: 0o755 });
  const check = await checkProgram(join(cwd, 'foreign'), { cwd });
  // With an emulator registered on this machine, it may be started.
  if (!check.ok) assert.equal(check.reason, 'wrong_architecture');
  assert.equal(builtFor(elf(183)), 'arm64');
  assert.equal(builtFor(elf(9999)), 'another processor (ELF machine 9999)');
  assert.equal(builtFor(Buffer.from('cffaedfe07000001', 'hex')), 'macOS');
  assert.equal(builtFor(Buffer.from('MZ\x90\0')), 'Windows');
  assert.equal(builtFor(Buffer.from('text')), null);
  const narrow = elf(3);
  narrow[4] = 1;
  assert.equal(builtFor(narrow), null, '32-bit programs are left to the system');
});

test('too little memory is reported with the needed and available amounts', () => {
  const there = { available: 2 * 1024 ** 3, what: 'model a', where: 'cuda:0' };
  checkMemory(2 * 1024 ** 3, there);
  assert.throws(() => checkMemory(3 * 1024 ** 3, there), {
    code: 'NOT_ENOUGH_MEMORY',
    message: 'model a needs about 3.0 GiB, but cuda:0 has only 2.0 GiB free',
  });
  assert.ok(availableMemory() > 0);
});
