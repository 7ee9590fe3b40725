import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { HiveSupervisor } from './hive-supervisor.ts';

const hive = { wanted: true, busy: false, heard: false };
let starts = 0;
let supervisor: HiveSupervisor;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  Object.assign(hive, { wanted: true, busy: false, heard: false });
  starts = 0;
  supervisor = new HiveSupervisor({ situation: () => hive, start: () => (starts += 1) });
});

const lose = (): void => supervisor.onHeartbeatLost({ machineAnswers: true });

test('a lost hive is started once, however often its loss is reported', () => {
  lose();
  lose();
  mock.timers.tick(99);
  assert.equal(starts, 0);
  mock.timers.tick(1);
  assert.equal(starts, 1);
  mock.timers.tick(60_000);
  assert.equal(starts, 1);
});

test('a second loss waits longer, and a reset makes it wait no longer than the first', () => {
  lose();
  mock.timers.tick(100);
  lose();
  mock.timers.tick(199);
  assert.equal(starts, 1);
  mock.timers.tick(1);
  assert.equal(starts, 2);
  supervisor.resetBackoff();
  lose();
  mock.timers.tick(100);
  assert.equal(starts, 3);
});

test('the hive is looked at again when its start is due', () => {
  lose();
  hive.heard = true;
  mock.timers.tick(100);
  assert.equal(starts, 0);
});

test('a cancelled start does not happen', () => {
  lose();
  supervisor.cancel();
  mock.timers.tick(60_000);
  assert.equal(starts, 0);
});
