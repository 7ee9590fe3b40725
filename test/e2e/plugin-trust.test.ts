/** A spawn that needs a plugin of somebody unknown: asked about at a terminal, refused elsewhere. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/registry/install/testing.ts';
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

test('without a terminal a spawn is refused, and the hint leads on', async () => {
  const run = await home.rbee(spawn('owl'));
  assert.equal(run.code, 1);
  assert.match(run.stderr, /@acme\/worker-owl@1\.0\.0 comes from @acme, of whom nothing is installed yet/);
  assert.match(run.stderr, /if you trust them: rbee plugins install @acme\/worker-owl --yes/);
  assert.deepEqual(await installed(), []);
});

test('at a terminal a spawn asks, and a no leaves everything as it was', async () => {
  const { code, shown } = await atTerminal(home, spawn('owl'), { question: /Install it\?/, answer: 'no' });
  assert.equal(code, 1, shown);
  assert.deepEqual(await installed(), []);
});

test('at a terminal a yes installs the very package that was asked about, and the worker starts', async () => {
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
