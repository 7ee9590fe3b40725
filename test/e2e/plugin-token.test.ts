/** A registry that requires a token, which is given in the environment of a command. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/plugins/testing/registry.ts';
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
  // npm that runs these tests names the files of its own user.
  for (const name of Object.keys(home.env)) if (/^npm_/i.test(name)) delete home.env[name];
});
after(async () => {
  await home?.close();
  await registry?.close();
});

const environmentOf = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'utf8').replaceAll('\0', '\n');

// The advice used to be "Check the network and the url".
test('without the token nothing is installed, and the error says which token was looked for, and where', async () => {
  const refusal = async (command: string[]) => {
    const run = await home.rbee([...command, '--json']);
    assert.equal(run.code, 1);
    const { error } = JSON.parse(run.stdout);
    assert.equal(error.code, 'REGISTRY_DENIED', run.stdout);
    return error as { message: string; hint: string };
  };
  const file = join(home.env['HOME'] ?? '', '.npmrc');
  const { host } = new URL(registry.url);
  const unset = await refusal(['plugins', 'install', 'owl']);
  assert.ok(
    unset.message.includes(`//${host}/:_authToken of ${file} refers to the variable ACME_TOKEN`),
    unset.message,
  );
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/_authToken=.*/, '_authToken=not-the-token'));
  const wrong = await refusal(['plugins', 'inspect', '@zoo/worker-owl']);
  assert.ok(wrong.message.includes(`it answers 401 to //${host}/:_authToken of ${file}`), wrong.message);
  assert.match(wrong.hint, /if @zoo is in another registry, add it there: @zoo:registry=URL/);
  assert.doesNotMatch(JSON.stringify(wrong), /not-the-token/, 'the token itself is not shown');
  writeFileSync(file, 'fetch-retries=0\n');
  const none = await refusal(['worker', 'spawn', '--type', 'owl']);
  assert.match(none.message, /401, and no token for it was found in .*\.npmrc/);
  assert.ok(none.hint.includes(`//${host}/:_authToken=TOKEN into ${file}`), none.hint);
  writeFileSync(file, text);
  await home.rbee(['queen', 'stop']);
});

test('a token in the shell that started the queen logs npm in, and no worker sees it', async () => {
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
