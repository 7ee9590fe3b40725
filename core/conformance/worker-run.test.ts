import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthContract, WorkerType } from '../contract/worker-type/worker-type.ts';
import type { Check } from './check.ts';
import { lifeChecks } from './checks/life.ts';
import { PluginUnderTest } from './plugin-under-test.ts';

const typeWith = (health: HealthContract, more: Partial<WorkerType> = {}): WorkerType => ({
  name: 'living',
  apiVersion: 1,
  serves: [{ path: '/v1/living', kind: 'other' }],
  variants: [
    {
      id: 'cpu',
      platforms: ['linux-x64'],
      fits: () => ({ fits: true }),
      deviceFlags: () => ({ args: [], env: {} }),
      resolveBinary: () => [{ kind: 'path', id: 'living', program: 'living' }],
    },
  ],
  command: ({ port }) => ({ args: ['--port', String(port), '--unknown-to-the-fake-engine'] }),
  health,
  ...more,
});

const live = async (type: WorkerType, ...ids: (typeof lifeChecks)[number]['id'][]): Promise<string[]> => {
  const failed: string[] = [];
  const due: Check[] = lifeChecks.filter(({ id }) => ids.includes(id));
  for (const { id, check } of due)
    await (async () => check(new PluginUnderTest(type)))().catch(({ message }: Error) =>
      failed.push(`${id}: ${message}`),
    );
  assert.equal(due.length, ids.length);
  return failed;
};

test('a worker runs in every readiness mode', async () => {
  const ways: HealthContract[] = [
    { ready: { mode: 'log', pattern: '^server is listening on port \\d+$', example: 'server is listening on port 1' } },
    { ready: { mode: 'callback' }, live: { path: '/live' } },
    { ready: { mode: 'poll', path: '/ready?deep=1' }, loadingStatus: [200, 425], failedStatus: [500] },
  ];
  for (const health of ways) {
    const failed = await live(typeWith(health), 'life.ready', 'life.answers', 'life.slow-start', 'life.adopted');
    assert.deepEqual(failed, [], health.ready.mode);
  }
});

test('a status that means failure ends the start at once', async () => {
  const health: HealthContract = { ready: { mode: 'poll', path: '/health' }, failedStatus: [500] };
  assert.deepEqual(await live(typeWith(health), 'life.failed-status'), []);
});

test('a type that misdiagnoses a taken port fails the check', async () => {
  const health: HealthContract = { ready: { mode: 'callback' } };
  const diagnose = () => ({ cause: 'crashed', message: 'it crashed', hint: 'try again' }) as const;
  assert.deepEqual(await live(typeWith(health), 'life.port-taken'), []);
  assert.match((await live(typeWith(health, { diagnose }), 'life.port-taken')).join(), /it crashed/);
});

test('the load is read from the metrics that the type names', async () => {
  const health: HealthContract = { ready: { mode: 'poll', path: '/health' } };
  assert.deepEqual(await live(typeWith(health, { load: { path: '/m', running: 'busy' } }), 'life.load'), []);
});
