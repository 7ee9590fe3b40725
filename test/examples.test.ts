/** Runs the examples exactly as they are in `examples/`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createFleet, type TestFleet } from './harness/fleet.ts';
import { bin, createHome } from './harness/home.ts';
import { cannot } from './harness/machines.ts';

const root = resolve(import.meta.dirname, '..');
const examples = join(root, 'examples');
const plugin = join(examples, 'plugin');
const run = promisify(execFile);

test('one machine: a worker is started, called, listed and deleted', async (t) => {
  const home = createHome({ plugins: [join(root, 'plugins/worker-llamacpp')] });
  t.after(() => home.close());
  const path = join(home.folder, 'bin');
  mkdirSync(path);
  writeFileSync(join(path, 'rbee'), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`);
  chmodSync(join(path, 'rbee'), 0o755);
  const env = { ...home.env, PATH: `${path}:${process.env['PATH']}` };
  const { stdout } = await run(join(examples, 'one-machine/run.sh'), [], { env, cwd: home.folder });
  assert.match(stdout, /Hello from rbee\./);
  assert.match(stdout, /^greeter +ready /m);
  assert.deepEqual((await home.json(['worker', 'list'])).workers, []);
});

test('the plugin passes the conformance tests, and its worker answers', async (t) => {
  const home = createHome({ plugins: [plugin] });
  t.after(() => home.close());
  // A copy, because the check expects a package as it would be published.
  const copy = join(home.folder, 'plugin');
  cpSync(plugin, copy, { recursive: true });
  assert.equal((await home.json(['plugins', 'check', copy])).passed, true);
  const worker = await home.json(['worker', 'spawn', '--type', 'hello', '--option', 'greeting=Good morning']);
  const { queen } = await home.json(['status']);
  const answer = await fetch(`${queen.url}/v1/hello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'hello' }),
  });
  assert.deepEqual(await answer.json(), { greeting: 'Good morning' });
  await home.json(['worker', 'delete', worker.id]);
});

describe('three machines', { skip: cannot('network') }, () => {
  let fleet: TestFleet;
  after(() => fleet?.close());

  test('become hives with the workers that hives.conf declares', async () => {
    fleet = await createFleet({ hosts: ['pi', 'box', { name: 'lab', behind: 'pi' }], plugins: [plugin] });
    copyFileSync(join(examples, 'three-machines/hives.conf'), join(fleet.home.paths.config, 'hives.conf'));
    const sync = await fleet.home.rbee(['sync']);
    assert.equal(sync.code, 0, sync.stdout + sync.stderr);
    const { workers } = await fleet.home.json(['worker', 'list']);
    assert.deepEqual(workers.map(({ id, hive, state }: Record<string, string>) => `${id} ${hive} ${state}`).sort(), [
      'deep lab ready',
      'front box ready',
      'spare box ready',
    ]);
  });

  test('are steered by a program that starts what is missing and leaves the rest', async () => {
    const folder = join(fleet.home.folder, 'program');
    mkdirSync(join(folder, 'node_modules/@rbee'), { recursive: true });
    symlinkSync(join(root, 'core'), join(folder, 'node_modules/@rbee/core'));
    const file = join(folder, 'spread.mjs');
    writeFileSync(file, readFileSync(join(examples, 'program/spread.js')));
    const spread = () => run(process.execPath, [file, 'hello'], { env: fleet.home.env });
    const first = (await spread()).stdout;
    assert.match(first, /^pi: \S+ started$/m);
    assert.match(first, /^box: \S+ was running$/m);
    assert.match(first, /^lab: \S+ was running$/m);
    assert.doesNotMatch((await spread()).stdout, /started/);
  });
});
