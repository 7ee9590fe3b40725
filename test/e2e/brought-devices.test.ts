/** A kind of device that a plugin adds can be listed, chosen, bound and used like rbee's own. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';

const plugin = resolve(import.meta.dirname, '../fixtures/worker-bee');
let home: TestHome;
let url: string;
const smi = () => join(home.folder, 'programs', 'bee-smi');
const tell = (script: string) => writeFileSync(smi(), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

before(async () => {
  home = createHome({ plugins: [plugin] });
  mkdirSync(join(home.folder, 'programs'));
  home.env['PATH'] = `${join(home.folder, 'programs')}:${home.env['PATH']}`;
  tell(`[ "$1" = --list ] && echo '0 Apis 4096 1024' && echo '1 Bombus 4096 2048'`);
  url = (await home.json(['queen', 'start'])).url;
});
after(() => home.close());

const devices = async () => (await home.json(['hive', 'devices'])).devices as { id: string; name: string }[];
const spawn = (...more: string[]) => home.rbee(['worker', 'spawn', '--type', 'bee', '--json', ...more]);

test("its devices are listed together with rbee's own", async () => {
  const found = await devices();
  assert.deepEqual(
    found.filter(({ id }) => id.startsWith('bee:')).map(({ id, name }) => `${id} ${name}`),
    ['bee:0 Apis', 'bee:1 Bombus'],
  );
  assert.ok(found.some(({ id }) => id === 'cpu'));
});

test('a worker is spawned on the requested device, or else on the one with the most free memory', async () => {
  const hum = async (model: string) =>
    (
      await fetch(`${url}/v1/hum`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model }),
      })
    ).json();
  for (const [name, device, bees] of [
    ['both', 'bee:0,1', '0,1'],
    ['best', undefined, '1'],
  ] as const) {
    const run = await spawn('--name', name, ...(device === undefined ? [] : ['--device', device]));
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal(JSON.parse(run.stdout).device, device ?? 'bee:1');
    assert.deepEqual(await hum(name), { bees });
  }
});

test('a missing device or kind is refused, with a list of what exists', async () => {
  for (const device of ['bee:2', 'wasp:0']) {
    const { error } = JSON.parse((await spawn('--device', device)).stdout);
    assert.equal(error.code, 'DEVICE_NOT_FOUND');
    assert.match(error.message, /it has bee:0, bee:1, cpu|bee:0, bee:1/);
  }
  const missing = await home.rbee(['worker', 'spawn', '--type', 'not-installed', '--device', 'wasp:0', '--json']);
  assert.equal(JSON.parse(missing.stdout).error.code, 'DEVICE_NOT_FOUND');
});

test('a probe that fails or reports foreign devices leaves the machine as it is', async () => {
  tell(`echo 'no bees today' >&2; exit 3`);
  const seen = await devices();
  assert.ok(!seen.some(({ id }) => id.startsWith('bee:')) && seen.some(({ id }) => id === 'cpu'));
});

test("a second package that adds the same kind, or one of rbee's own, is refused by name", async () => {
  const copyWith = (name: string, change: (text: string) => string) => {
    const folder = join(home.folder, name);
    cpSync(plugin, folder, { recursive: true });
    const manifest = readFileSync(join(plugin, 'package.json'), 'utf8').replace('worker-bee', name);
    writeFileSync(join(folder, 'package.json'), change(manifest));
    return folder;
  };
  const link = async (folder: string) =>
    JSON.parse((await home.rbee(['plugins', 'link', folder, '--json'])).stdout).error;
  const rival = copyWith('worker-rival', (text) => text.replace('"bee": {', '"rival": {'));
  const clash = await link(rival);
  assert.equal(clash.code, 'DEVICE_KIND_CONFLICT');
  assert.match(clash.message, /both @rbee-test\/worker-bee and @rbee-test\/worker-rival provide the device kind bee/);
  const taken = await link(
    copyWith('worker-taken', (text) => text.replace(/"devices": \[\s*"bee"\s*\]/, '"devices": ["cuda"]')),
  );
  assert.equal(taken.code, 'PLUGIN_INVALID');
  assert.match(taken.message, /cuda is reserved for rbee/);
});
