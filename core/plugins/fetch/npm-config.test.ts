import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readNpmConfig } from './npm-config.ts';

const home = mkdtempSync(join(tmpdir(), 'rbee-npm-config-'));
after(() => rmSync(home, { recursive: true }));

/** npm's library writes what it read into the given environment, so the first .npmrc stayed in effect forever. */
test('changes to the .npmrc take effect on the next call', async () => {
  const env = { HOME: home };
  const read = async (text: string) => {
    writeFileSync(join(home, '.npmrc'), text);
    return readNpmConfig({ folder: home, env });
  };
  const first = await read('registry=http://first.example/\nfetch-timeout=1000\n');
  assert.deepEqual([first.registry, first.timeout], ['http://first.example/', 1_000]);
  const second = await read('registry=http://second.example/\n');
  assert.deepEqual([second.registry, second.timeout], ['http://second.example/', 30_000]);
  assert.deepEqual(env, { HOME: home });
});
