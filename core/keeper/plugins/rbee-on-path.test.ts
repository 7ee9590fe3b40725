import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { putRbeeOnPath } from './rbee-on-path.ts';

let home: string;
before(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-path-')));
});
after(() => rmSync(home, { recursive: true, force: true }));

const folderWithRbee = (path: string): string => {
  const folder = join(home, path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'rbee'), '');
  return folder;
};

test('a shell that finds rbee needs no command, and one that finds it only because of npx does', async () => {
  const root = join(home, 'lib/node_modules/@rbee/core');
  const install = 'npm install --global @rbee/core';
  assert.equal(await putRbeeOnPath({ PATH: `/usr/bin:${folderWithRbee('bin')}` }, root), null);
  assert.equal(await putRbeeOnPath({ PATH: '/nowhere' }, root), install);
  const ofNpm = folderWithRbee('cache/node_modules/.bin');
  assert.equal(await putRbeeOnPath({ PATH: ofNpm }, root), null);
  assert.equal(await putRbeeOnPath({ PATH: ofNpm, npm_execpath: '/usr/lib/npm-cli.js' }, root), install);
});

test('in a checkout, the command points to its own rbee', async () => {
  const workspace = join(home, 'checkout');
  mkdirSync(workspace);
  writeFileSync(join(workspace, 'package.json'), JSON.stringify({ name: 'rbee-workspace' }));
  assert.equal(
    await putRbeeOnPath({ PATH: '/nowhere' }, join(workspace, 'core')),
    `export PATH="${workspace}/node_modules/.bin:$PATH"`,
  );
});
