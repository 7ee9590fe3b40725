/** A registry that lets in only who has a token, which is given in the environment of a command. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/registry/install/testing.ts';
import { createHome, type TestHome } from '../harness/home.ts';

const token = 'sesame-open';

let registry: TinyRegistry;
let home: TestHome;
before(async () => {
  registry = await startTinyRegistry();
  registry.misbehave(({ headers }, response) => {
    if (headers.authorization === `Bearer ${token}`) return false;
    return !!response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}');
  });
  const dependencies = { dependencies: { engine: '1.0.0' } };
  registry.offer({
    name: 'engine',
    version: '1.0.0',
    packed: packPlugin({ manifest: '{"name":"engine","version":"1.0.0"}' }),
  });
  for (const type of ['owl', 'cat']) {
    const name = `@rbee/worker-${type}`;
    registry.offer({
      name,
      version: '1.0.0',
      packed: packPlugin({ name, type, more: dependencies }),
      document: dependencies,
    });
  }
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  const user = join(home.folder, 'user');
  mkdirSync(user);
  const { host } = new URL(registry.url);
  writeFileSync(join(user, '.npmrc'), `//${host}/:_authToken=\${ACME_TOKEN}\nfetch-retries=0\n`);
  home.env['HOME'] = user;
  // Where npm runs the tests, it names the files of whoever runs it.
  for (const name of Object.keys(home.env)) if (/^npm_/i.test(name)) delete home.env[name];
});
after(async () => {
  await home?.close();
  await registry?.close();
});

const environmentOf = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'utf8').replaceAll('\0', '\n');

test('without the token nothing is installed, and the registry says why', async () => {
  const run = await home.rbee(['plugins', 'install', 'owl', '--json']);
  assert.equal(run.code, 1);
  assert.match(JSON.parse(run.stdout).error.message, /401/);
  await home.rbee(['queen', 'stop']);
});

test('a token of the shell that started the queen lets npm in, and no worker sees it', async () => {
  const env = {
    ACME_TOKEN: token,
    NPM_TOKEN: token,
    npm_config_loglevel: 'silent',
    PIP_INDEX_URL: `http://u:${token}@pip`,
  };
  await home.json(['plugins', 'install', 'owl'], { env });
  await home.json(['plugins', 'install', 'cat']);
  const { queen } = await home.json(['status']);
  assert.match(environmentOf(queen.pid), /^ACME_TOKEN=/m);
  const worker = await home.json(['worker', 'spawn', '--type', 'owl', '--device', 'cpu']);
  assert.doesNotMatch(environmentOf(worker.pid), new RegExp(`${token}|npm_config|NPM_TOKEN|PIP_`));
});
