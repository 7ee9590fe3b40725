import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { simulatedHive, until, workerWith } from '../testing.ts';
import { Fleet } from './fleet.ts';

const fleets: Fleet[] = [];
after(() => {
  for (const fleet of fleets) fleet.close();
});

const fleetOf = (...hives: ReturnType<typeof simulatedHive>[]): Fleet => {
  const fleet = new Fleet();
  fleets.push(fleet);
  for (const hive of hives) fleet.add(hive).start();
  return fleet;
};

describe('the fleet', () => {
  it('shows workers and hives from what heartbeats told, and never a key', async () => {
    const fleet = fleetOf(simulatedHive('a', [workerWith()]), simulatedHive('b'));
    await until(() => fleet.hives().every(({ status }) => status === 'online'), 'both hives online');
    assert.deepEqual(
      fleet.hives().map(({ alias, workers, types }) => [alias, workers, types]),
      [
        ['a', 1, ['fake']],
        ['b', 0, ['fake']],
      ],
    );
    const shown = fleet.worker('fake-1');
    assert.equal(shown.state, 'ready');
    assert.equal(shown.hive, 'a');
    assert.ok(!JSON.stringify(fleet.workers()).includes('secret'));
    assert.deepEqual(
      Object.keys(shown).filter((key) => ['apiKey', 'serves', 'closesOnlyWhenIdle'].includes(key)),
      [],
    );
    assert.deepEqual(fleet.workers('b'), []);
    assert.deepEqual(JSON.parse(fleet.workersJson()), { workers: fleet.workers() });
    assert.equal(fleet.workersJson('b'), '{"workers":[]}');
    assert.throws(() => fleet.workers('c'), { code: 'HIVE_NOT_FOUND' });
    assert.throws(() => fleet.worker('fkae-1'), { code: 'WORKER_NOT_FOUND', message: /did you mean fake-1/ });
  });

  it('shows workers of a silent hive as lost, and brings them back by itself', async () => {
    const hive = simulatedHive('local', [workerWith(), workerWith({ id: 'fake-2', state: 'stopped' })]);
    const fleet = fleetOf(hive);
    await until(() => fleet.hives()[0]?.status === 'online', 'online');
    hive.cut(true);
    await until(() => fleet.hives()[0]?.status === 'unreachable', 'unreachable');
    assert.deepEqual(
      fleet.workers().map(({ state }) => state),
      ['lost', 'stopped'],
    );
    assert.match(fleet.hives()[0]?.reason ?? '', /not running/);
    assert.throws(() => fleet.online('local'), { code: 'HIVE_UNREACHABLE' });
    assert.deepEqual(
      [...fleet.dialable()].map(({ online }) => online),
      [false, false],
    );
    hive.cut(false);
    await until(() => fleet.worker('fake-1').state === 'ready', 'back again');
    assert.equal(fleet.hives()[0]?.reason, null);
  });

  it('follows a change as soon as it is told, and what a call gave even before', async () => {
    const hive = simulatedHive('local', [workerWith()]);
    const fleet = fleetOf(hive);
    await until(() => fleet.hives()[0]?.status === 'online', 'online');
    fleet.member('local').apply(workerWith({ id: 'fake-9' }));
    assert.equal(fleet.worker('fake-9').id, 'fake-9');
    fleet.member('local').forget('fake-9');
    assert.throws(() => fleet.worker('fake-9'), { code: 'WORKER_NOT_FOUND' });
    hive.workers = [];
    hive.tell();
    await until(() => fleet.workers().length === 0, 'the worker is gone');
  });

  it('shows a hive that was stopped as stopped, for that reason', async () => {
    const fleet = fleetOf(simulatedHive('local', [workerWith()]));
    await until(() => fleet.hives()[0]?.status === 'online', 'online');
    fleet.member('local').stop('stopped by rbee hive stop');
    assert.deepEqual([fleet.hives()[0]?.status, fleet.hives()[0]?.reason], ['stopped', 'stopped by rbee hive stop']);
    assert.throws(() => fleet.online('local'), { code: 'HIVE_NOT_RUNNING' });
  });
});
