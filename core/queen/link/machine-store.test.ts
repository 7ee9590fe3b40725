import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MachineStore } from './machine-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-remembered-'));
after(() => rmSync(folder, { recursive: true }));

const machine = (name: string) => ({
  target: { alias: name, hostname: name },
  platform: 'linux-x64',
  hiveSocket: `/run/${name}.sock`,
  installed: '1.0.0-abcdef12',
});

test('a pipe instead of the file does not block', async () => {
  const file = join(folder, 'pipe.json');
  execFileSync('mkfifo', [file]);
  const machineStore = new MachineStore(file);
  await machineStore.load();
  assert.deepEqual([...machineStore.entries()], []);
});

test('the next queen reads what was stored, and only its user can', async () => {
  const file = join(folder, 'machines.json');
  const first = new MachineStore(file);
  await first.load();
  await Promise.all(['one', 'two', 'three'].map((name) => first.set(name, machine(name))));
  await first.set('two', null);
  const next = new MachineStore(file);
  await next.load();
  assert.deepEqual(
    [...next.entries()],
    [
      ['one', machine('one')],
      ['three', machine('three')],
    ],
  );
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('an unchanged machine is not written again', async () => {
  const file = join(folder, 'same.json');
  const machineStore = new MachineStore(file);
  await machineStore.set('one', machine('one'));
  writeFileSync(file, 'untouched');
  await machineStore.set('one', machine('one'));
  assert.equal(readFileSync(file, 'utf8'), 'untouched');
});

test('a damaged file counts as empty, and invalid entries are skipped', async () => {
  const file = join(folder, 'damaged.json');
  for (const text of ['{', 'null', '[]', '{"machines":{"one":7,"two":{"hiveSocket":"/x"}}}']) {
    writeFileSync(file, text);
    const machineStore = new MachineStore(file);
    await machineStore.load();
    assert.deepEqual([...machineStore.entries()], [], text);
  }
});
