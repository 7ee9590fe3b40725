import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DesiredHive, ObservedHive } from '../contract/api/sync.ts';
import { driftOf } from './drift.ts';
import { onlineHive, stoppedHive, unreachableHive } from './observed.ts';
import { planFleet } from './plan.ts';

const desired = (alias: string, models: string[] = []): DesiredHive => ({
  alias,
  version: '1.0.0-a',
  autoStart: true,
  types: [],
  models,
  workers: [],
  unresolved: [],
});

const online = (alias: string): ObservedHive =>
  onlineHive(
    { alias, hostname: `${alias}.lan` },
    {
      version: '1.0.0-a',
      platform: 'linux-x64',
      models: [],
      plugins: [],
      state: {
        machineId: 'm',
        hostname: alias,
        version: '1.0.0',
        pid: 1,
        instance: 'i',
        startedAt: '2026-01-01T00:00:00Z',
        devices: [],
        memory: { total: 1, available: 1 },
        cpu: { model: 'c', cores: 1 },
        catalog: [],
        workers: [],
      },
    },
  );

const gone = { code: 'HIVE_UNREACHABLE', message: 'hive c does not answer: timeout', hint: '' } as const;

const pairs = [
  { desired: desired('a'), observed: online('a') },
  { desired: desired('b', ['hf:o/m']), observed: online('b') },
  { desired: desired('c'), observed: unreachableHive({ alias: 'c', hostname: 'c' }, gone) },
  { desired: desired('d'), observed: stoppedHive({ alias: 'd', hostname: 'd' }, { version: '0.9.0-b' }) },
  { desired: null, observed: online('e') },
];

it('drift is reported per hive, and an undeclared machine is no drift', () => {
  const drift = driftOf(planFleet('/c', pairs), ['a', 'b', 'c', 'd'], new Date(0));
  assert.deepEqual(
    drift.hives.map(({ alias, state, summary }) => [alias, state, summary]),
    [
      ['a', 'in-sync', 'as declared'],
      ['b', 'drifted', '1 model to download'],
      ['c', 'unreachable', 'hive c does not answer: timeout'],
      ['d', 'drifted', 'hive 0.9.0-b → 1.0.0-a'],
      ['e', 'undeclared', 'hives.conf does not name it'],
    ],
  );
  assert.deepEqual(drift.counts, { hives: 5, inSync: 1, drifted: 2, unreachable: 1, undeclared: 1, steps: 2 });
  assert.equal(drift.inSync, false);
  assert.equal(drift.at, '1970-01-01T00:00:00.000Z');
});

it('a fleet with an undeclared machine is in sync if the others are', () => {
  assert.equal(driftOf(planFleet('/c', [pairs[0]!, pairs[4]!]), ['a']).inSync, true);
});

it('without a hives.conf, nothing is declared and nothing drifts', () => {
  const drift = driftOf(planFleet('/c', []), null);
  assert.deepEqual([drift.declared, drift.inSync], [false, true]);
});
