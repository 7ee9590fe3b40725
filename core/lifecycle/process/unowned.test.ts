import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { localRunner } from '../system/local-runner.ts';
import { RunRecords } from './run-records.ts';
import { eventually, isGone, killAfter, manageFake, tempFolder } from './testing.ts';
import { findUnowned } from './unowned.ts';

test('an engine whose record is lost is found with its worker id, start time and command', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { managed, folder, records } = await manageFake(t, ['--fork-away']);
  await managed.ensureReady();
  const pid = managed.view.pid ?? 0;
  killAfter(t).pids.add(pid);
  const search = { state: folder, records };
  assert.deepEqual(await findUnowned(localRunner, search), [], 'its record names it');
  await managed.close();
  await rm(join(folder, 'runs', 'fake-1.json'));
  const { logFile } = managed.record;
  await eventually(async () => (await readFile(logFile, 'utf8')).includes('away pid'));
  const [run, ...more] = await eventually(async () => {
    const found = await findUnowned(localRunner, search);
    // Its parent may exist for a moment longer.
    return found[0]?.pids.length === 2 ? found : null;
  });
  assert.deepEqual([run?.worker, run?.pids[0], more.length], ['fake-1', pid, 0]);
  assert.ok(Math.abs(Date.parse(run?.since ?? '') - Date.now()) < 60_000);
  assert.ok(run?.argv.includes('--fork-away'));
  assert.deepEqual(await findUnowned(localRunner, { ...search, owned: new Set([pid]) }), [], 'its hive reports it');
  // The same folder under another path, and another home on the same machine.
  const link = join(await tempFolder(t), 'link');
  await symlink(folder, link);
  assert.equal((await findUnowned(localRunner, { ...search, state: link })).length, 1);
  const other = await tempFolder(t);
  await mkdir(join(other, 'runs'));
  const foreign = { state: other, records: new RunRecords(join(other, 'runs')) };
  assert.deepEqual(await findUnowned(localRunner, foreign), []);
});

test('processes left by a stopped worker have no owner, and processes that just ended are not reported', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async (t) => {
  const { managed, folder, records } = await manageFake(t, []);
  await managed.ensureReady();
  const pid = managed.view.pid ?? 0;
  killAfter(t).pids.add(pid);
  await managed.close();
  const record = await records.read('fake-1');
  assert.ok(record);
  await records.write({ ...record, wanted: 'stopped', pid: null });
  assert.deepEqual(
    (await findUnowned(localRunner, { state: folder, records })).map(({ pids }) => pids),
    [[pid]],
  );
  const ending = {
    ...localRunner,
    describe: async (asked: number) => {
      const described = await localRunner.describe(asked);
      process.kill(asked, 'SIGKILL');
      await eventually(() => isGone(asked));
      return described;
    },
  };
  assert.deepEqual(await findUnowned(ending, { state: folder, records }), []);
});
