import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Evaluator } from './evaluator.ts';
import type { PluginManifest, WorkerTypeManifest } from './manifest.ts';
import { WorkerTypeHandle } from './worker-type-handle.ts';

/** Counts its calls; a real one would be pure. */
const source = `let calls = 0;
export default { variants: [{ id: 'cpu',
  deviceFlags: (device) => {
    calls += 1;
    if (device.kind === 'cuda' && calls < 4) throw new Error('not yet');
    return { args: [String(calls)], env: {} };
  } }] };
`;

test('a plugin function is called once per set of arguments, and again only after a failure', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'rbee-handle-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'package.json'), '{ "type": "module" }');
  await writeFile(join(root, 'index.js'), source);
  const evaluator = new Evaluator('worker-counting', root);
  t.after(() => evaluator.close());
  const handle = new WorkerTypeHandle(
    { package: 'worker-counting', version: '1.0.0', root } as PluginManifest,
    { name: 'counting', entry: './index.js' } as WorkerTypeManifest,
    evaluator,
  );
  const cpu = { kind: 'cpu', indexes: [] } as unknown as Parameters<typeof handle.deviceFlags>[1];
  const cuda = { kind: 'cuda', indexes: [0] } as unknown as Parameters<typeof handle.deviceFlags>[1];
  const asked = [handle.deviceFlags('cpu', cpu), handle.deviceFlags('cpu', cpu)];
  assert.deepEqual(
    (await Promise.all(asked)).map(({ args }) => args),
    [['1'], ['1']],
  );
  await assert.rejects(handle.deviceFlags('cpu', cuda), { code: 'PLUGIN_FAILED', message: /not yet/ });
  await assert.rejects(handle.deviceFlags('cpu', cuda), { code: 'PLUGIN_FAILED' });
  assert.deepEqual((await handle.deviceFlags('cpu', cuda)).args, ['4']);
  assert.deepEqual((await handle.deviceFlags('cpu', cpu)).args, ['1']);
});
