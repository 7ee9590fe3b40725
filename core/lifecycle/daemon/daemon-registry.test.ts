import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isGone, killAfter, tempFolder, undoAfter } from '../process/testing.ts';
import { localRunner } from '../system/local-runner.ts';
import type { DaemonSpec } from './daemon.ts';
import { DaemonRegistry } from './daemon-registry.ts';

const program = `
import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
const [name, socket] = process.argv.slice(2);
rmSync(socket, { force: true });
createServer((_, outgoing) => outgoing.end(JSON.stringify({ name, pid: process.pid }))).listen(socket);
`;

const setUp = async (t: TestContext) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'daemon.mjs'), program);
  const registry = new DaemonRegistry({
    runner: localRunner,
    folder: join(folder, 'daemons'),
    env: { PATH: process.env['PATH'] },
  });
  const spec = (name: string, version = '1'): DaemonSpec => ({
    name,
    version,
    argv: [process.execPath, join(folder, 'daemon.mjs'), name, join(folder, `${name}.sock`), version],
    env: {},
    cwd: folder,
    pidFile: join(folder, `${name}.pid`),
    healthUrl: 'http://daemon/health',
    socketPath: join(folder, `${name}.sock`),
    logFile: join(folder, `${name}.log`),
  });
  const { pids } = killAfter(t);
  undoAfter(t, async () => {
    for (const { pidFile } of [spec('hive'), spec('queen')]) {
      const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
      if (pid > 1) pids.add(pid);
    }
  });
  return { registry, spec, folder };
};

test('daemons are installed, listed, read and uninstalled', async (t) => {
  const { registry, spec, folder } = await setUp(t);
  assert.deepEqual(await registry.list(), []);
  await registry.install(spec('queen'));
  await registry.install(spec('hive'));
  await assert.rejects(registry.install(spec('hive', '2')), { code: 'ALREADY_INSTALLED' });
  assert.deepEqual(
    (await registry.list()).map(({ name }) => name),
    ['hive', 'queen'],
  );
  assert.deepEqual(await registry.get('hive'), spec('hive'));
  assert.deepEqual(await registry.status('hive'), { status: 'stopped' });
  await assert.rejects(registry.get('other'), { code: 'NOT_INSTALLED', hint: /installed: hive, queen/ });
  await registry.uninstall('hive');
  await assert.rejects(registry.uninstall('hive'), { code: 'NOT_INSTALLED' });
  await assert.rejects(registry.install({ ...spec('hive'), name: '../hive' }), { code: 'INVALID_INPUT' });
  await writeFile(join(folder, 'daemons', 'queen.json'), '{');
  assert.deepEqual(await registry.list(), []);
  await registry.install(spec('queen'));
});

test('a running daemon cannot be uninstalled, and a delete stops it first', async (t) => {
  const { registry, spec } = await setUp(t);
  await registry.install(spec('hive'));
  const { pid } = await registry.daemon('hive').ensureRunning();
  await assert.rejects(registry.uninstall('hive'), {
    code: 'STILL_RUNNING',
    message: `hive is still running (pid ${pid})`,
  });
  await registry.delete('hive');
  assert.ok(await isGone(pid));
  await registry.delete('hive');
  assert.deepEqual(await registry.list(), []);
});

test('a sync takes as few steps as possible', async (t) => {
  const { registry, spec } = await setUp(t);
  const running = async () => {
    const status = await registry.status('hive');

    return status.status;
  };
  assert.deepEqual(await registry.sync(spec('hive'), 'absent'), []);
  assert.deepEqual(await registry.sync(spec('hive'), 'stopped'), ['installed']);
  assert.deepEqual(await registry.sync(spec('hive'), 'running'), ['started']);
  assert.equal(await running(), 'running');
  assert.deepEqual(await registry.sync(spec('hive'), 'running'), []);
  assert.deepEqual(await registry.sync(spec('hive', '2'), 'running'), ['updated', 'restarted']);
  assert.equal(await running(), 'running');
  assert.deepEqual(await registry.sync(spec('hive', '2'), 'stopped'), ['stopped']);
  assert.deepEqual(await registry.sync(spec('hive', '3'), 'running'), ['updated', 'started']);
  assert.equal(await running(), 'running');
  assert.deepEqual(await registry.sync(spec('hive', '3'), 'absent'), ['removed']);
  assert.deepEqual(await registry.list(), []);
});
