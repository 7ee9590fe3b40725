/** A spawn that needs a plugin of an unknown publisher: confirmed at a terminal, refused elsewhere. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/plugins/testing/registry.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { atTerminal } from '../harness/terminal.ts';

let registry: TinyRegistry;
let home: TestHome;
before(async () => {
  registry = await startTinyRegistry();
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  for (const type of ['owl', 'cat']) {
    const name = `@acme/worker-${type}`;
    registry.offer({ name, version: '1.0.0', packed: packPlugin({ name, type }) });
  }
});
after(async () => {
  await home?.close();
  await registry?.close();
});

const spawn = (type: string): string[] => ['worker', 'spawn', '--type', `@acme/worker-${type}`, '--device', 'cpu'];
const installed = async (): Promise<string[]> =>
  (await home.json(['plugins', 'list'])).plugins.map(({ name }: { name: string }) => name);

test('without a terminal a spawn is refused, and the hint says how to continue', async () => {
  const run = await home.rbee(spawn('owl'));
  assert.equal(run.code, 1);
  assert.match(
    run.stderr,
    /@acme\/worker-owl@1\.0\.0 comes from @acme, and nothing from that publisher is installed yet/,
  );
  assert.match(run.stderr, /if you trust the publisher: rbee plugins install @acme\/worker-owl --yes/);
  assert.deepEqual(await installed(), []);
});

test('at a terminal a spawn asks, and a no changes nothing', async () => {
  const { code, shown } = await atTerminal(home, spawn('owl'), { question: /Install it\?/, answer: 'no' });
  assert.equal(code, 1, shown);
  assert.deepEqual(await installed(), []);
});

test('at a terminal a yes installs exactly the package in question, and the worker starts', async () => {
  const { code, shown } = await atTerminal(home, spawn('owl'), { question: /Install it\?/, answer: 'yes' });
  assert.equal(code, 0, shown);
  assert.match(shown, /comes from @acme/);
  assert.deepEqual(await installed(), ['@acme/worker-owl']);
  const { workers } = await home.json(['worker', 'list']);
  assert.deepEqual(
    workers.map(({ type, state }: { type: string; state: string }) => [type, state]),
    [['owl', 'ready']],
  );
});

// A restart looked up the type by name alone, and installed and ran the package of another publisher without a
// question.
test('a worker is restarted with the package that it came from, never with another one of the same type', async () => {
  const name = '@rbee/worker-owl';
  registry.offer({ name, version: '3.0.0', packed: packPlugin({ name, version: '3.0.0', type: 'owl' }) });
  const [{ id }] = (await home.json(['worker', 'list'])).workers;
  await home.json(['plugins', 'uninstall', '@acme/worker-owl', '--force']);
  const refused = async (...command: string[]) => {
    const { code, stdout } = await home.rbee([...command, '--json']);
    assert.equal(code, 1, stdout);
    const { error } = JSON.parse(stdout);
    assert.equal(error.code, 'WORKER_PLUGIN_MISSING', stdout);
    return error as { message: string; hint: string };
  };
  for (const change of ['restart', 'start']) {
    const { message, hint } = await refused('worker', change, id);
    assert.match(message, /started from @acme\/worker-owl 1\.0\.0, and hive local no longer has it/);
    assert.match(hint, /rbee plugins install @acme\/worker-owl@1\.0\.0/);
  }
  assert.deepEqual(await installed(), []);

  await home.json(['plugins', 'install', name]);
  const { message, hint } = await refused('worker', 'start', id);
  assert.match(message, /now has owl from @rbee\/worker-owl/);
  assert.match(hint, /spawn another worker/);
  await home.json(['plugins', 'uninstall', name]);
  await home.json(['plugins', 'install', '@acme/worker-owl@1.0.0', '--yes']);
  assert.equal((await home.json(['worker', 'start', id])).state, 'ready');
});

// The type was downloaded for many seconds before the device turned out to be missing.
test('a missing device is refused before the type is fetched', async () => {
  const name = '@rbee/worker-dog';
  registry.offer({ name, version: '1.0.0', packed: packPlugin({ name, type: 'dog' }) });
  registry.requests.splice(0);
  const run = await home.rbee(['worker', 'spawn', '--type', 'dog', '--device', 'cuda:99']);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /there is no (device )?cuda:99/);
  assert.deepEqual(registry.requests, []);
});
