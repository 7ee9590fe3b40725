import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { checkPackage } from './check-package.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-check-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const plugin = async (name: string, code: string): Promise<string> => {
  const root = join(folder, name);
  await mkdir(root);
  const workerTypes = { odd: { entry: './index.js', serves: ['/v1/odd'], variants: ['cpu'] } };
  const manifest = { name: `rbee-worker-${name}`, version: '1.0.0', type: 'module', rbee: { api: 1, workerTypes } };
  await writeFile(join(root, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(root, 'index.js'), code);
  return root;
};

const code = (command: string) => `export default {
  name: 'odd', apiVersion: 1, serves: [{ path: '/v1/odd', kind: 'other' }],
  variants: [{ id: 'cpu', platforms: ['linux-x64'], fits: () => ({ fits: true }),
    deviceFlags: () => ({ args: [], env: {} }),
    resolveBinary: () => [{ kind: 'path', id: 'odd', program: 'odd' }] }],
  command: (launch) => { ${command} },
  health: { ready: { mode: 'poll', path: '/health' } },
};`;

const failed = async (root: string): Promise<Record<string, string | undefined>> => {
  const report = await checkPackage(root);
  const all = report.types.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome === 'failed'));
  assert.equal(report.passed, all.length === 0);
  return Object.fromEntries(all.map(({ id, reason }) => [id, reason]));
};

test('code with side effects on load is loaded only in the sandbox', async () => {
  const trace = join(folder, 'trace');
  const root = await plugin('reaching', `import { writeFileSync } from 'node:fs'; writeFileSync('${trace}', '');`);
  assert.match((await failed(root))['purity.sandbox-loads'] ?? '', /ERR_ACCESS_DENIED|restricted/);
  assert.ok(!existsSync(trace));
});

test('a plugin that ends its process is reported, and ends nothing else', async () => {
  const root = await plugin('leaving', code(`process.exit(7)`));
  assert.match(Object.values(await failed(root)).join(), /its process ended with 7/);
});

// The report used to show only "Node.js v26.10.0" and not the error.
test('an examination that crashes reports the whole error', async () => {
  const root = await plugin('floating', code(`Promise.reject(new Error('not awaited'));`));
  const { 'purity.survives': reason } = await failed(root);
  assert.match(reason ?? '', /its process ended with 1: [\s\S]*Error: not awaited\n +at Object\.command/);
  assert.doesNotMatch(reason ?? '', /Node\.js v/);
});

// A start that failed while the check waited for something else used to end the examiner's process.
test('a plugin that cannot be started is still examined completely', async () => {
  const reasons = await failed(await plugin('startless', code(`throw new Error('no command today');`)));
  assert.equal(reasons['purity.survives'], undefined);
  assert.match(reasons['life.slow-start'] ?? '', /no command today/);
  assert.match(reasons['life.adopted-while-loading'] ?? '', /no command today/);
});

test('a failed check reports the reason in the plugin', { skip: atFullScale }, async () => {
  const reasons = await failed(await plugin('random', code('return { args: [String(Math.random()), launch.host] }')));
  assert.match(reasons['purity.same-answer'] ?? '', /^command for cpu on cpu with odd returns .* then /);
  assert.match(reasons['purity.world'] ?? '', /asks for a random number/);
  assert.match(reasons['command.port'] ?? '', /does not name port/);
  assert.equal(reasons['command.host'], undefined);
});

test('a package that no hive can read is refused', async () => {
  await assert.rejects(checkPackage(folder), { code: 'PLUGIN_INVALID' });
  const root = await plugin('unbuilt', '');
  await rm(join(root, 'index.js'));
  await assert.rejects(checkPackage(root), { code: 'PLUGIN_NOT_BUILT', hint: /npm run build/ });
});

test('an aborted examination ends at once', async () => {
  const root = await plugin('slow', code('return { args: [] }'));
  const leaving = new AbortController();
  const examined = checkPackage(root, { signal: leaving.signal, onResult: () => leaving.abort() });
  await assert.rejects(examined, { name: 'AbortError' });
});
