/** A plugin's dependencies: progress while npm installs them, and refusal when they are too large. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { readIndex } from '../plugin-index.ts';
import { catalogFolder, stagingFolder } from '../store.ts';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../testing/registry.ts';
import { testStore } from '../testing/store.ts';

let folder: string;
let registry: TinyRegistry;
before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rbee-limits-')));
});
beforeEach(async () => {
  registry = await startTinyRegistry();
  const libraries = Array.from({ length: 50 }, (_, index) => ({ path: `package/${index}`, text: 'x'.repeat(1_000) }));
  const engine = '{"name":"engine","version":"1.0.0"}';
  registry.offer({ name: 'engine', version: '1.0.0', packed: packPlugin({ manifest: engine, entries: libraries }) });
  const more = { dependencies: { engine: '1.0.0' } };
  registry.offer({ name: '@rbee/worker-echo', version: '1.0.0', packed: packPlugin({ more }), document: more });
});
afterEach(() => registry.close());
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

test('a tree that is too large or has too many files is refused by name and removed', async () => {
  for (const limits of [
    { bytes: 20_000, files: 1_000 },
    { bytes: 1e9, files: 20 },
  ]) {
    const store = await testStore(folder, registry, { limits });
    await assert.rejects(store.install('echo'), {
      code: 'PACKAGE_REFUSED',
      message:
        /refused to install the package @rbee\/worker-echo: its dependencies take more than .* the largest is engine/,
    });
    assert.deepEqual(readdirSync(stagingFolder(store.data)), []);
    assert.deepEqual(readdirSync(catalogFolder(store.data)), ['.staging']);
    assert.deepEqual(await readIndex(store.data), []);
    store.installer.close();
  }
});

test('while npm installs a tree, the step shows its activity, elapsed time and size', async () => {
  const store = await testStore(folder, registry);
  await store.install('echo');
  store.installer.close();
  const step = store.said.find(
    (event) => event.kind === 'step' && event.text.startsWith('installing the dependencies'),
  );
  assert.ok(step?.kind === 'step');
  const progress = store.said.filter((event) => event.kind === 'progress' && event.id === step.id);
  const [first] = progress;
  assert.ok(first?.kind === 'progress' && first.unit === 'bytes');
  assert.match(first.text ?? '', /^(resolving dependencies|unpacking, \d+ files? so far), \d/);
});
