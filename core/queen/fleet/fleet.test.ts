import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
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
  it('shows workers and hives as heartbeats reported them, and never a key', async () => {
    const fleet = fleetOf(simulatedHive('a', [workerWith()]), simulatedHive('b'));
    await until(() => fleet.hives().every(({ status }) => status === 'online'), 'both hives online');
    assert.deepEqual(
      fleet.hives().map(({ alias, workers, types }) => [alias, workers, types]),
      [
        ['a', 1, ['fake']],
        ['b', 0, ['fake']],
      ],
    );
    const shown = fleet.worker({ worker: 'fake-1' });
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
    assert.throws(() => fleet.worker({ worker: 'fkae-1' }), {
      code: 'WORKER_NOT_FOUND',
      message: /did you mean fake-1/,
    });
  });

  it('shows workers of a silent hive as lost, and restores them automatically', async () => {
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
    await until(() => fleet.worker({ worker: 'fake-1' }).state === 'ready', 'back again');
    assert.equal(fleet.hives()[0]?.reason, null);
  });

  it('expects a hive back for a while, and then no longer', async () => {
    const hive = simulatedHive('local', [workerWith()]);
    const fleet = fleetOf(hive);
    let changes = 0;
    fleet.listen({ changed: () => (changes += 1), silent: () => {} });
    assert.equal(fleet.isGathering, true);
    await until(() => fleet.hives()[0]?.status === 'online', 'online');
    const returning = () => [...fleet.dialable()].map((worker) => worker.returning);
    assert.deepEqual([fleet.isGathering, returning()], [false, [false]]);
    hive.cut(true);
    await until(() => fleet.hives()[0]?.status === 'unreachable', 'unreachable');
    assert.deepEqual([fleet.isGathering, returning()], [false, [true]]);
    const before = changes;
    await until(() => returning()[0] === false, 'it is given up');
    assert.ok(changes > before, 'those who wait have to know');
    assert.equal(fleet.hives()[0]?.status, 'unreachable');
  });

  it('shows a change as soon as it is reported, and the result of a request even earlier', async () => {
    const hive = simulatedHive('local', [workerWith()]);
    const fleet = fleetOf(hive);
    await until(() => fleet.hives()[0]?.status === 'online', 'online');
    fleet.member('local').apply(workerWith({ id: 'fake-9' }));
    assert.equal(fleet.worker({ worker: 'fake-9' }).id, 'fake-9');
    fleet.member('local').forget({ id: 'fake-9' });
    assert.throws(() => fleet.worker({ worker: 'fake-9' }), { code: 'WORKER_NOT_FOUND' });
    hive.workers = [];
    hive.tell();
    await until(() => fleet.workers().length === 0, 'the worker is gone');
  });

  it('shows a stopped hive as stopped, with the reason', async () => {
    const fleet = fleetOf(simulatedHive('local', [workerWith()]));
    await until(() => fleet.hives()[0]?.status === 'online', 'online');
    fleet.member('local').stop('stopped by rbee hive stop');
    assert.deepEqual([fleet.hives()[0]?.status, fleet.hives()[0]?.reason], ['stopped', 'stopped by rbee hive stop']);
    assert.throws(() => fleet.online('local'), { code: 'HIVE_NOT_RUNNING' });
  });
});

describe('a hive that has not reported since the queen started', () => {
  // Right after a restart, a hive that was being dialled used to count as stopped, and its workers as missing.
  it('is not stopped, and may have an unknown worker', async () => {
    const hive = simulatedHive('pi', [workerWith()]);
    hive.cut(true);
    const fleet = fleetOf(simulatedHive('local'), hive);
    assert.equal(fleet.member('pi').status, 'unreachable');
    assert.equal(fleet.member('pi').reason, 'still connecting');
    assert.throws(() => fleet.online('pi'), { code: 'HIVE_UNREACHABLE' });
    await until(() => fleet.member('local').status === 'online', 'the other hive online');
    // The reason is given once.
    await until(() => fleet.member('pi').reason === 'it is not running', 'the first attempt failed');
    assert.throws(() => fleet.owner({ worker: 'fake-1' }), {
      code: 'HIVE_UNREACHABLE',
      message: 'hive pi does not answer: it is not running; it may have the worker fake-1',
    });
    assert.throws(() => fleet.owner({ worker: 'fake-1', hive: 'local' }), { code: 'WORKER_NOT_FOUND' });
    assert.equal(fleet.isGathering, true);
    hive.cut(false);
    await until(() => fleet.member('pi').status === 'online', 'online');
    assert.equal(fleet.owner({ worker: 'fake-1' }).connection.alias, 'pi');
    assert.equal(fleet.isGathering, false);
    assert.throws(() => fleet.owner({ worker: 'none-of-it' }), { code: 'WORKER_NOT_FOUND' });
  });
});

describe('workers of two hives with one id', () => {
  // A hive that listed the id of another hive's worker used to get its prompts, its key and its commands.
  it('are two workers, and an operation must name the hive', async () => {
    const fleet = fleetOf(
      simulatedHive('a', [workerWith({ hive: 'a', port: 18_001 })]),
      simulatedHive('evil', [workerWith({ hive: 'evil', port: 18_002 })]),
    );
    await until(() => fleet.workers().length === 2, 'both are listed');
    assert.deepEqual(
      fleet.workers().map(({ id, hive }) => [id, hive]),
      [
        ['fake-1', 'a'],
        ['fake-1', 'evil'],
      ],
    );
    assert.throws(() => fleet.owner({ worker: 'fake-1' }), { code: 'WORKER_AMBIGUOUS', message: /a, evil/ });
    assert.equal(fleet.owner({ worker: 'fake-1', hive: 'a' }).connection.alias, 'a');
    assert.equal(fleet.worker({ worker: 'fake-1', hive: 'evil' }).port, 18_002);
    assert.equal(new Set([...fleet.dialable()].map(({ key }) => key)).size, 2);
  });

  it('may only be dialled on the ports that the queen allows for their hive', async () => {
    const hive = simulatedHive('a', [workerWith({ port: 22 }), workerWith({ id: 'fake-2', port: 18_001 })]);
    const fleet = fleetOf({ ...hive, workerPorts: { first: 18_000, last: 18_999 } });
    await until(() => fleet.workers().length === 2, 'both are listed');
    const refused = [...fleet.dialable()].map((worker) => worker.refused);
    assert.deepEqual(refused, ['on port 22, outside 18000-18999', undefined]);
  });
});

describe('the result of a change', () => {
  // A late answer to a deletion used to remove the next worker with that id.
  it('does not replace or remove another worker that has the id by now', async () => {
    const fleet = fleetOf(simulatedHive('a', [workerWith({ uid: 'new' })]));
    await until(() => fleet.workers().length === 1, 'it is listed');
    const member = fleet.member('a');
    member.forget({ id: 'fake-1', uid: 'old' });
    member.apply(workerWith({ uid: 'old', state: 'stopped' }));
    assert.equal(fleet.worker({ worker: 'fake-1' }).state, 'ready');
    member.apply(workerWith({ uid: 'new', state: 'stopped' }));
    assert.equal(fleet.worker({ worker: 'fake-1' }).state, 'stopped');
    member.forget({ id: 'fake-1', uid: 'new' });
    assert.deepEqual(fleet.workers(), []);
  });
});

describe('a hive that violates the protocol', () => {
  const faulty = (alias: string) =>
    RbeeError.of('HIVE_PROTOCOL_ERROR', { hive: alias, problem: 'workers must be array' });

  it('is shown as faulty with the reason, is not used, and does not affect other hives', async () => {
    const bad = simulatedHive('bad', [workerWith({ hive: 'bad' })]);
    const fleet = fleetOf(bad, simulatedHive('good', [workerWith({ id: 'good-1', hive: 'good' })]));
    await until(() => fleet.hives().every(({ status }) => status === 'online'), 'both online');
    fleet.member('bad').fault(faulty('bad'));
    assert.deepEqual(
      fleet.hives().map(({ alias, status }) => [alias, status]),
      [
        ['bad', 'faulty'],
        ['good', 'online'],
      ],
    );
    assert.match(fleet.member('bad').reason ?? '', /workers must be array/);
    assert.throws(() => fleet.online('bad'), { code: 'HIVE_PROTOCOL_ERROR' });
    assert.deepEqual(
      fleet.workers().map(({ id, state }) => [id, state]),
      [
        ['fake-1', 'lost'],
        ['good-1', 'ready'],
      ],
    );
    // It is dialled again automatically, and used again once it sends a valid state.
    await until(() => fleet.member('bad').status === 'online', 'it is used again');
    assert.equal(fleet.worker({ worker: 'fake-1' }).state, 'ready');
  });

  it('is dialled at once when a person starts it', async () => {
    const bad = simulatedHive('bad');
    const fleet = fleetOf(bad);
    const member = fleet.member('bad');
    await until(() => member.status === 'online', 'online');
    // Repeatedly: by now the back-off is longer than this test waits.
    for (let times = 0; times < 8; times += 1) {
      member.fault(faulty('bad'));
      member.start();
      await until(() => member.status === 'online', 'online again');
    }
  });
});
