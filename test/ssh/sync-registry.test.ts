/**
 * Worker types from a registry reach machines that have no network: the publisher is confirmed once, the version is
 * pinned and kept.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet, tickerPlugin } from '../harness/fleet.ts';
import { cannot } from '../harness/machines.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';
import { atFullScale } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let registry: Registry;

before(async () => {
  if (skip) return;
  registry = await startRegistry();
  fleet = await createFleet({ hosts: ['pi', 'box'], plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  publish('1.0.0');
});
after(async () => {
  await fleet?.close();
  await registry?.close();
});

/** Publishes the ticker in a package whose name matches its type. */
const publish = (version: string): void => {
  const folder = join(registry.folder, `metronome-${version}`);
  cpSync(tickerPlugin, folder, { recursive: true });
  const manifest = readFileSync(join(folder, 'package.json'), 'utf8')
    .replace('@rbee-test/worker-ticker', '@someone/worker-metronome')
    .replaceAll('ticker', 'metronome')
    .replace('"private": true,', '')
    .replace('"version": "1.0.0"', `"version": "${version}"`);
  writeFileSync(join(folder, 'package.json'), manifest);
  const index = join(folder, 'index.js');
  writeFileSync(index, readFileSync(index, 'utf8').replace("name: 'ticker'", "name: 'metronome'"));
  registry.publish(folder);
};

const entry = (alias: string, version = 'latest'): string => `
[[hive]]
alias = "${alias}"
workers = [{ type = "metronome", version = "${version}" }]
run = [{ type = "metronome", name = "tock", id = "tock-${alias}" }]
`;

const versions = async (): Promise<string[]> => {
  const { workers } = await fleet.home.json(['worker', 'list']);
  return workers
    .map((worker: Record<string, string>) => `${worker['id']} ${worker['pluginVersion']} ${worker['state']}`)
    .sort();
};

test('a package of an unknown publisher is not used for a type until someone confirms the publisher', {
  skip,
}, async () => {
  fleet.declare(entry('pi'));
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 3, run.stdout + run.stderr);
  assert.match(run.stdout, /✖ .*hives\.conf:4: hive pi: there is no worker type metronome/);
  assert.deepEqual(await versions(), []);
  const trusted = await fleet.home.rbee(['plugins', 'install', '@someone/worker-metronome', '--yes']);
  assert.equal(trusted.code, 0, trusted.stderr);
  const again = await fleet.home.rbee(['sync', '--retry-failed']);
  assert.equal(again.code, 0, again.stdout + again.stderr);
  assert.deepEqual(await versions(), ['tock-pi 1.0.0 ready']);
});

test('the version that latest resolved to stays until --update', { skip }, async () => {
  publish('1.1.0');
  assert.match((await fleet.home.rbee(['sync'])).stdout, /nothing to do/);
  const run = await fleet.home.rbee(['sync', '--update']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /^pi +install +metronome 1\.1\.0 +replaces 1\.0\.0$/m);
  assert.deepEqual(await versions(), ['tock-pi 1.1.0 ready']);
  fleet.declare(entry('pi', '1.0.0'));
  const back = await fleet.home.rbee(['sync']);
  assert.equal(back.code, 0, back.stdout + back.stderr);
  assert.deepEqual(await versions(), ['tock-pi 1.0.0 ready']);
});

test('once it is fetched, another machine gets the same version without any network', {
  skip: skip || atFullScale,
}, async () => {
  await registry.close();
  fleet.declare(entry('pi', '1.0.0') + entry('box', '1.0.0'));
  const run = await fleet.home.rbee(['sync', '--offline']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(await versions(), ['tock-box 1.0.0 ready', 'tock-pi 1.0.0 ready']);
  fleet.declare(entry('pi', '1.0.0') + entry('box', '^2'));
  const missing = await fleet.home.rbee(['sync', '--offline']);
  assert.equal(missing.code, 3, missing.stdout + missing.stderr);
  assert.match(missing.stdout, /metronome/);
  assert.deepEqual(await versions(), ['tock-box 1.0.0 ready', 'tock-pi 1.0.0 ready']);
});
