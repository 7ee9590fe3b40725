import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { StepReport, SyncStep } from '../contract/api/sync.ts';
import { RbeeError } from '../contract/errors.ts';
import { SyncJournal } from './journal.ts';
import { hivesLeft } from './left-over.ts';

const step = (model: string): SyncStep => ({ kind: 'download_model', model });
const told = (model: string, state: StepReport['state']): StepReport => ({
  step: step(model),
  state,
  error: null,
  attempts: 1,
  ms: 1,
});

describe('the journal of a sync', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbee-journal-'));
    file = join(folder, 'sync.json');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('tells the next sync what failed and what was left', async () => {
    const journal = await SyncJournal.open(file);
    assert.equal(journal.last, null);
    const plan = new Map([
      ['a', [step('1'), step('2'), step('3')]],
      ['b', [step('1')]],
      ['c', []],
    ]);
    await journal.begin('/c', { removeExtra: true }, plan);
    journal.step('a', told('1', 'done'));
    journal.step('a', told('2', 'failed'));
    journal.step('b', told('1', 'done'));
    journal.hive('c', [RbeeError.of('HIVE_UNREACHABLE', { hive: 'c', problem: 'gone' }).toJSON()]);
    await journal.end();
    const next = await SyncJournal.open(file);
    assert.deepEqual(
      next.left('/c'),
      new Map<string, unknown>([
        ['a', new Set(['download_model:2', 'download_model:3'])],
        ['c', 'all'],
      ]),
    );
    assert.equal(next.left('/other').size, 0);
    assert.equal(next.interrupted('/c'), false);
    assert.deepEqual(next.last?.input, { removeExtra: true });
    assert.deepEqual(hivesLeft(next, '/c'), ['a', 'c']);
    assert.throws(() => hivesLeft(next, '/other'), { code: 'SYNC_NOTHING_TO_RETRY' });
  });

  it('shows that a sync was killed', async () => {
    const journal = await SyncJournal.open(file);
    await journal.begin('/c', {}, new Map([['a', [step('1')]]]));
    const next = await SyncJournal.open(file);
    assert.equal(next.interrupted('/c'), true);
    assert.equal(next.interrupted('/other'), false);
    assert.deepEqual([...next.left('/c').keys()], ['a']);
  });

  it('keeps what is left on hives that a later sync does not touch', async () => {
    const journal = await SyncJournal.open(file);
    await journal.begin(
      '/c',
      {},
      new Map([
        ['a', [step('1')]],
        ['b', [step('1')]],
      ]),
    );
    await journal.end();
    await journal.begin('/c', {}, new Map([['b', [step('1')]]]));
    journal.step('b', told('1', 'done'));
    await journal.end();
    assert.deepEqual([...journal.left('/c').keys()], ['a']);
    await journal.begin('/other', {}, new Map());
    assert.equal(journal.left('/c').size, 0);
  });

  it('counts a whole hive as left until it was observed while running', async () => {
    const journal = await SyncJournal.open(file);
    await journal.begin('/c', {}, new Map([['a', [{ kind: 'start_hive' }]]]));
    journal.step('a', { ...told('', 'done'), step: { kind: 'start_hive' } });
    assert.deepEqual([...journal.left('/c')], [['a', 'all']]);
    journal.plan('a', [], true);
    journal.hive('a', []);
    assert.equal(journal.left('/c').size, 0);
    await journal.end();
  });

  it('counts a planned step that was already done as done', async () => {
    const journal = await SyncJournal.open(file);
    await journal.begin('/c', {}, new Map([['a', [step('1')]]]));
    journal.hive('a', []);
    assert.equal(journal.left('/c').size, 0);
    await journal.end();
  });

  it('is renamed if it is damaged', async () => {
    for (const text of ['', '{"version":1', '{"version":1,"hives":[]}', '[]']) {
      await writeFile(file, text);
      const journal = await SyncJournal.open(file);
      assert.equal(journal.last, null);
      assert.equal(journal.damaged, `${file}.damaged`);
      assert.equal(await readFile(`${file}.damaged`, 'utf8'), text);
    }
    assert.deepEqual(await readdir(folder), ['sync.json.damaged']);
  });

  it('fails before anything is changed if it cannot be written', async () => {
    const journal = await SyncJournal.open(join(file, 'below', 'a-file.json'));
    await writeFile(file, 'a file, not a folder');
    await assert.rejects(journal.begin('/c', {}, new Map()), { code: 'STATE_UNWRITABLE' });
  });
});
