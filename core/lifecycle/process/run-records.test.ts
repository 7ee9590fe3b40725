import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunRecord } from './process-plan.ts';
import { RunRecords } from './run-records.ts';
import { tempFolder } from './testing.ts';

const record = (id: string): RunRecord => ({
  id,
  nonce: 'n',
  readyToken: 't',
  wanted: 'running',
  pid: 7,
  startTime: '1',
  bootId: 'b',
  port: null,
  spawnedAt: null,
  readyAt: null,
  crashes: [],
  restarts: 0,
  policy: 'never',
  stop: { signals: [] },
  limits: {},
  logFile: '/l',
  plan: null,
  failure: null,
  data: { some: 'thing' },
});

test('a record comes back as it was written, and only its owner may read the file', async (t) => {
  const folder = join(await tempFolder(t), 'state', 'runs');
  const records = new RunRecords(folder);
  await records.write(record('one'));
  assert.deepEqual(await records.read('one'), record('one'));
  assert.equal((await stat(join(folder, 'one.json'))).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
});

test('concurrent writes leave one complete record and no temporary file', async (t) => {
  const folder = await tempFolder(t);
  const records = new RunRecords(folder);
  await Promise.all(Array.from({ length: 20 }, (_, restarts) => records.write({ ...record('one'), restarts })));
  assert.notEqual(await records.read('one'), null);
  assert.deepEqual(await readdir(folder), ['one.json']);
});

test('an invalid file is renamed and the others are still listed', async (t) => {
  const folder = await tempFolder(t);
  const records = new RunRecords(folder);
  await records.write(record('good'));
  await writeFile(join(folder, 'garbage.json'), '{"id":"garb');
  await writeFile(join(folder, 'other.json'), JSON.stringify(record('good')));
  await writeFile(join(folder, 'empty.json'), '');
  assert.deepEqual(
    (await records.list()).map(({ id }) => id),
    ['good'],
  );
  assert.deepEqual((await readdir(folder)).sort(), [
    'empty.json.corrupt',
    'garbage.json.corrupt',
    'good.json',
    'other.json.corrupt',
  ]);
});

test('a reader that is not the owner renames nothing, and sees renamed files', async (t) => {
  const folder = await tempFolder(t);
  const records = new RunRecords(folder);
  await records.write(record('good'));
  await writeFile(join(folder, 'empty.json'), '');
  await writeFile(join(folder, 'earlier.json.corrupt'), 'x');
  await mkdir(join(folder, 'folder.json'));
  const { records: found, unreadable } = await records.examine();
  assert.deepEqual(found, [record('good')]);
  assert.deepEqual(
    unreadable.map(({ id, file }) => [id, file.slice(folder.length + 1)]),
    [
      ['empty', 'empty.json'],
      ['folder', 'folder.json'],
      ['earlier', 'earlier.json.corrupt'],
    ],
  );
  assert.deepEqual(await new RunRecords(join(folder, 'none')).examine(), { records: [], unreadable: [] });
});

test('a missing folder has no records, and removing a missing record succeeds', async (t) => {
  const records = new RunRecords(join(await tempFolder(t), 'nowhere'));
  assert.deepEqual(await records.list(), []);
  assert.equal(await records.read('one'), null);
  await records.remove('one', new Set());
});

// A late deletion removed the record that the next worker with the same id had just written.
test('a record is removed only by the run that wrote it, an invalid one by any run', async (t) => {
  const folder = await tempFolder(t);
  const records = new RunRecords(folder);
  await records.write({ ...record('one'), nonce: 'later' });
  await records.remove('one', new Set(['earlier']));
  assert.equal((await records.read('one'))?.nonce, 'later');
  await records.remove('one', new Set(['earlier', 'later']));
  await writeFile(join(folder, 'two.json'), '{"id":"tw');
  await records.remove('two', new Set(['earlier']));
  assert.deepEqual(await readdir(folder), []);
});

test('a field of a later version is kept', async (t) => {
  const records = new RunRecords(await tempFolder(t));
  await records.write({ ...record('one'), later: 'field' } as RunRecord);
  assert.equal(((await records.read('one')) as RunRecord & { later: string }).later, 'field');
});

test('an id that would leave the folder is refused', async (t) => {
  const records = new RunRecords(await tempFolder(t));
  await assert.rejects(records.write(record('../out')), TypeError);
  await assert.rejects(records.read('..'), TypeError);
});

test('a folder that cannot be created is reported', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(new RunRecords(join(folder, 'file', 'runs')).write(record('one')), { code: 'STATE_UNWRITABLE' });
  await mkdir(join(folder, 'runs', 'one.json'), { recursive: true });
  await assert.rejects(new RunRecords(join(folder, 'runs')).write(record('one')), { code: 'STATE_UNWRITABLE' });
  await assert.rejects(new RunRecords(join(folder, 'runs')).read('one'));
  await assert.rejects(new RunRecords(join(folder, 'file')).list());
});
