/** A third-party plugin with a kind of device, a secret and a DELETE path, in as little code as possible. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';

const root = resolve(import.meta.dirname, '../..');
const token = 'tok-7e1d-of-the-apiary';

let home: TestHome;
before(() => {
  home = createHome({ plugins: [] });
  const programs = join(home.folder, 'programs');
  mkdirSync(programs);
  writeFileSync(join(programs, 'bee-smi'), `#!/bin/sh\necho '0 Apis'\necho '1 Bombus'\n`, { mode: 0o755 });
  home.env['PATH'] = `${programs}:${home.env['PATH']}`;
});
after(() => home.close());

const code = `const engine = \`http.createServer((request, answer) => {
  const { KEY, TOKEN, BEES } = process.env;
  if (request.url === '/health') return answer.end();
  if (request.headers.authorization !== 'Bearer ' + KEY) return answer.writeHead(401).end();
  const argv = [...process.execArgv, ...process.argv];
  answer.end(JSON.stringify([request.method, request.url, BEES, TOKEN, argv]));
}).listen(process.argv[1], process.argv[2])\`;

export default {
  name: 'apiary',
  apiVersion: 1,
  serves: [{ path: '/v1/jars/{jar}', method: ['GET', 'DELETE'], kind: 'other' }],
  options: {
    type: 'object',
    properties: { token: { type: 'string', secret: true, description: 'Token of the apiary' } },
  },
  devices: [
    {
      kind: 'bee',
      programs: ['bee-smi'],
      args: ['--list'],
      parse: ({ stdout }) =>
        [...stdout.matchAll(/^(\\d+) (.+)$/gm)].map(([, nth, name]) => ({ id: \`bee:\${nth}\`, kind: 'bee', name })),
    },
  ],
  variants: [
    {
      id: 'bee',
      deviceFlags: ({ indices }) => ({ env: { BEES: indices.join() } }),
      resolveBinary: [{ kind: 'path', id: 'node', program: 'node' }],
    },
  ],
  command: { args: ['-e', engine, '{port}', '{host}'], env: { KEY: '{apiKey}', TOKEN: '{option.token}' } },
  health: { ready: { mode: 'poll', path: '/health' } },
};
`;

test('forty lines of plain JavaScript add a kind of device, receive a secret and answer a DELETE', async () => {
  const folder = join(home.folder, 'apiary');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.js'), code);
  assert.ok(code.trimEnd().split('\n').length <= 40);
  const biome = join(root, 'node_modules/.bin/biome');
  const format = ['format', '--stdin-file-path=index.js', '--config-path', root];
  assert.equal(execFileSync(biome, format, { input: code, encoding: 'utf8' }), code, 'as biome formats it');
  const about = { license: 'MIT', keywords: ['rbee-worker'] };
  const manifest = { name: 'rbee-worker-apiary', version: '1.0.0', type: 'module', ...about };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  assert.deepEqual((await home.json(['plugins', 'check', '--write', folder])).types, ['apiary']);
  const report = await home.json(['plugins', 'check', folder]);
  assert.ok(report.passed, JSON.stringify(report));

  await home.json(['plugins', 'link', folder]);
  const { devices } = await home.json(['hive', 'devices']);
  const bees = devices.filter(({ kind }: { kind: string }) => kind === 'bee').map(({ id }: { id: string }) => id);
  assert.deepEqual(bees, ['bee:0', 'bee:1']);
  await home.json(['secret', 'set', 'apiary'], { input: token });
  const option = ['--option', 'token=secret:apiary'];
  const worker = await home.json(['worker', 'spawn', '--type', 'apiary', '--device', 'bee:1', ...option]);
  assert.equal(worker.state, 'ready');

  const { queen } = await home.json(['status']);
  const answer = await fetch(`${queen.url}/v1/jars/7`, { method: 'DELETE' });
  const [method, path, on, secret, argv] = (await answer.json()) as [string, string, string, string, string[]];
  assert.deepEqual([method, path, on, secret], ['DELETE', '/v1/jars/7', '1', token]);
  assert.ok(argv.length > 3 && !argv.some((argument) => argument.includes(token)), argv.join(' '));
  assert.equal((await fetch(`${queen.url}/v1/jars/7`, { method: 'PUT' })).status, 405);
  await home.json(['worker', 'delete', worker.id]);
});
