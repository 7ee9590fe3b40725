/** What `rbee plugins prune` frees: programs and downloads of engines that are no longer used. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { atFullScale } from '../harness/until.ts';

let home: TestHome;
let server: Server;
before(async () => {
  home = createHome({ plugins: [] });
  server = createServer((_, response) => response.end(engine));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
after(async () => {
  await home?.close();
  server?.close();
});

/** A program that a worker type downloads. */
const engine = `#!${process.execPath}
require('node:http').createServer((_, response) => response.end('{}')).listen(Number(process.argv[2]), '127.0.0.1');
`;

/** Links a plugin whose engine is that program, with one worker type for each of `words`. */
const link = async (words: readonly string[], code = ''): Promise<void> => {
  const folder = join(home.folder, 'plugin');
  mkdirSync(folder, { recursive: true });
  const workerTypes = Object.fromEntries(
    words.map((word) => [word, { entry: `./${word}.js`, serves: ['/v1/echo'], variants: ['cpu'] }]),
  );
  const manifest = { name: '@acme/worker-engines', version: '1.0.0', type: 'module', rbee: { api: 1, workerTypes } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const { port } = server.address() as AddressInfo;
  const sha256 = createHash('sha256').update(engine).digest('hex');
  for (const word of words) {
    writeFileSync(
      join(folder, `${word}.js`),
      `${code} export default { name: '${word}', apiVersion: 1, serves: [{ path: '/v1/echo', kind: 'other' }],
  variants: [{ id: 'cpu', platforms: [process.platform + '-' + process.arch], fits: () => ({ fits: true }),
    deviceFlags: () => ({ args: [], env: {} }), resolveBinary: () => [{ kind: 'archive', id: '${word}', format: 'file',
      url: 'http://127.0.0.1:${port}/${word}', sha256: '${sha256}', member: '${word}' }] }],
  command: (launch) => ({ args: [String(launch.port)] }), health: { ready: { mode: 'poll', path: '/health' } } };`,
    );
  }
  await home.json(['plugins', 'link', folder]);
};

const programs = (): string[] =>
  readdirSync(join(home.paths.data, 'binaries')).filter((name) => /\.[0-9a-f]{8}$/.test(name));

test('prune removes a program that no plugin or worker needs, and says how much it freed', {
  skip: atFullScale,
}, async () => {
  await link(['alpha', 'beta']);
  const worker = await home.json(['worker', 'spawn', '--type', 'alpha', '--device', 'cpu']);
  const other = await home.json(['worker', 'spawn', '--type', 'beta', '--device', 'cpu']);
  await home.json(['worker', 'delete', other.id]);
  assert.deepEqual((await home.json(['plugins', 'prune'])).programs, [], 'the plugin names both');
  await link(['alpha']);
  const planned = await home.rbee(['plugins', 'prune', '--dry-run']);
  assert.match(planned.stdout, /would remove the program beta-[0-9a-f]{16}\nwould free \d+ B/);
  assert.equal(programs().length, 2);
  const run = await home.rbee(['plugins', 'prune']);
  assert.match(run.stdout, /removed the program beta-[0-9a-f]{16}\nfreed \d+ B/);
  assert.match(programs().join(), /^alpha-[0-9a-f]{16}\.[0-9a-f]{8}$/);
  await home.json(['worker', 'stop', worker.id]);
  await home.json(['plugins', 'unlink', 'alpha']);
  assert.deepEqual((await home.json(['plugins', 'prune'])).programs, [], 'a stopped worker may start again');
  await home.json(['worker', 'delete', worker.id]);
  const last = await home.json(['plugins', 'prune']);
  assert.equal(last.programs.length, 1);
  assert.equal(last.downloads.length, 1);
  assert.ok(last.bytes >= 2 * engine.length);
  assert.deepEqual(readdirSync(join(home.paths.data, 'binaries')), []);
});

test('prune removes no program while a plugin cannot say what it needs', async () => {
  await link(['gamma']);
  const worker = await home.json(['worker', 'spawn', '--type', 'gamma', '--device', 'cpu']);
  await home.json(['worker', 'delete', worker.id]);
  await link(['gamma'], `throw new Error('no mood');`);
  const run = await home.rbee(['plugins', 'prune']);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /no program was removed.*@acme\/worker-engines failed/);
  assert.ok(existsSync(join(home.paths.data, 'binaries')) && programs().length === 1);
});
