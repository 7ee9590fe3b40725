/** HAProxy in front of a queen on the same host, with the configuration of `examples/proxy`. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { freePort } from '../../core/worker-server/free-port.ts';
import { createHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

const config = resolve(import.meta.dirname, '../../examples/proxy/haproxy.cfg');
const program = ['/usr/sbin/haproxy', 'haproxy'].find((path) => spawnSync(path, ['-v']).status === 0);

test('behind HAProxy, a key is needed and is enough', {
  skip: !program && 'needs haproxy (Debian: haproxy)',
}, async (t) => {
  const home = createHome();
  t.after(() => home.close());
  const conf = readFileSync(home.paths.rbeeConf, 'utf8');
  writeFileSync(home.paths.rbeeConf, `${conf}[gateway]\nallowed_origins = []\n`);
  await home.json(['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', 'far']);
  const direct: string = (await home.json(['status'])).queen.url;
  const key = (await home.rbee(['key', 'create', 'app'])).stdout.trim();

  const port = await freePort();
  const env = { ...process.env, PROXY_ADDRESS: `127.0.0.1:${port}`, QUEEN_ADDRESS: new URL(direct).host };
  const proxy = spawn(program ?? '', ['-db', '-f', config], {
    env,
    cwd: home.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => proxy.kill('SIGKILL'));
  const said = Promise.all([text(proxy.stdout), text(proxy.stderr)]);
  const url = `http://127.0.0.1:${port}`;
  await until(
    () =>
      fetch(`${url}/health`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    {
      what: 'HAProxy finds the queen healthy without a key',
    },
  );

  const ask = (headers: Record<string, string>, more: object = {}) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'far', max_tokens: 3, messages: [{ role: 'user', content: 'hi' }], ...more }),
    });
  const refused = await ask({});
  assert.equal(refused.status, 401);
  const { error } = (await refused.json()) as { error: { code: string; message: string } };
  assert.deepEqual([error.code, /a proxy forwarded it/.test(error.message)], ['invalid_api_key', true]);
  assert.equal((await ask({ authorization: 'Bearer sk-dummy' })).status, 401);

  const answered = await ask({ authorization: `Bearer ${key}` });
  assert.equal(answered.status, 200, await answered.clone().text());
  const stream = await ask({ 'x-api-key': key }, { stream: true });
  assert.match(await stream.text(), /token1[\s\S]*data: \[DONE\]/);
  assert.equal((await fetch(`${direct}/v1/models`)).status, 200, 'a program on this machine still needs no key');

  proxy.kill('SIGTERM');
  await once(proxy, 'exit');
  assert.doesNotMatch((await said).join(''), /\[ALERT\]/, join(home.folder));
});
