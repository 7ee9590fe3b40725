import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { DesiredHive, ObservedHive, SyncStep } from '../contract/api/sync.ts';
import { RbeeError } from '../contract/errors.ts';
import { type ApplyOptions, applyPlan } from './apply.ts';
import { stepKey } from './describe.ts';
import type { SyncEffects } from './effects.ts';
import { absentHive } from './observed.ts';
import { planFleet } from './plan.ts';
import { SimulatedFleet } from './testing.ts';

const worker = (alias: string, id: string, type: string, model?: string) => ({
  id: `${alias}-${id}`,
  group: `${alias}-${id.replace(/-r\d$/, '')}`,
  declaration: 'd2',
  spec: { type, id: `${alias}-${id}`, declaration: 'd2', ...(model !== undefined && { model }) },
});

const desired = (alias: string): DesiredHive => ({
  alias,
  version: '2.0.0-bb',
  autoStart: true,
  types: ['chat', 'sd'].map((type) => ({
    type,
    package: `p-${type}`,
    version: '1.1.0',
    integrity: null,
    variant: null,
  })),
  models: ['hf:o/m'],
  workers: [worker(alias, 'a', 'chat'), worker(alias, 'b', 'sd'), worker(alias, 'c', 'chat', 'hf:o/m')],
  unresolved: [],
});

const failure = RbeeError.of('PACKAGE_REFUSED', { package: 'p-chat', problem: 'it is too large' });
const passing = RbeeError.of('REGISTRY_UNREACHABLE', { package: 'p-chat', problem: 'timeout' });

interface Run {
  aliases?: string[];
  observed?: ObservedHive[];
  before?: (key: string, alias: string, signal: AbortSignal) => void;
  options?: Partial<ApplyOptions>;
  effects?: (fleet: SimulatedFleet) => Partial<SyncEffects>;
  wanted?: DesiredHive[];
}

const run = async ({ aliases = ['one'], observed, before = () => {}, options, effects, wanted }: Run) => {
  const hives = wanted ?? aliases.map(desired);
  const there = observed ?? hives.map(({ alias }) => absentHive({ alias, hostname: `${alias}.lan` }));
  const fleet = new SimulatedFleet(there, { before: (alias, step, signal) => before(stepKey(step), alias, signal) });
  const events: NarrationEvent[] = [];
  const pairs = there.map((hive) => ({
    observed: hive,
    desired: hives.find(({ alias }) => alias === hive.alias) ?? null,
  }));
  const own = effects?.(fleet);
  const report = await applyPlan({
    plan: planFleet('/c', pairs),
    desired: hives,
    effects: {
      observe: own?.observe ?? ((alias) => fleet.observe(alias)),
      perform: own?.perform ?? ((alias, step, call) => fleet.perform(alias, step, call)),
      lease: own?.lease ?? ((alias) => fleet.lease(alias)),
    },
    narrate: (event) => events.push(event),
    signal: new AbortController().signal,
    parallel: 8,
    retries: { attempts: 3, firstMs: 0, maxMs: 0 },
    random: () => 0,
    ...options,
  });
  const states = Object.fromEntries(
    report.hives.map((hive) => [
      hive.alias,
      Object.fromEntries(hive.steps.map(({ step, state }) => [stepKey(step), state])),
    ]),
  );
  return { report, states, fleet, events };
};

describe('a failure', () => {
  it('stops only what depends on it, and the report has the command to retry', async () => {
    const { report, states } = await run({
      aliases: ['one', 'two'],
      before: (key, alias) => {
        if (alias === 'one' && key === 'install_worker:chat') throw failure;
      },
    });
    assert.deepEqual(states['one'], {
      hive: 'done',
      'install_worker:sd': 'done',
      'install_worker:chat': 'failed',
      'download_model:hf:o/m': 'done',
      'worker:one-a': 'skipped',
      'worker:one-b': 'done',
      'worker:one-c': 'skipped',
    });
    assert.ok(Object.values(states['two'] ?? {}).every((state) => state === 'done'));
    const [one, two] = report.hives;
    assert.equal(one?.state, 'partly');
    assert.equal(one?.retry, 'rbee sync --hive one');
    assert.equal(two?.state, 'done');
    assert.equal(two?.retry, null);
    const failed = one?.steps.find(({ state }) => state === 'failed');
    assert.equal(failed?.error?.code, 'PACKAGE_REFUSED');
    assert.equal(failed?.attempts, 1);
    assert.match(
      one?.steps.find(({ state }) => state === 'skipped')?.error?.message ?? '',
      /start one-a was skipped: worker type chat is missing/,
    );
    assert.deepEqual([report.partial, report.failed, report.cancelled], [true, false, false]);
    assert.deepEqual(report.counts, { hives: 2, unchanged: 0, done: 11, failed: 1, skipped: 2 });
    assert.equal(report.retry, 'rbee sync --retry-failed');
  });

  it('of the hive itself skips everything on it', async () => {
    const { report, states } = await run({
      before: (key) => {
        if (key === 'hive') throw failure;
      },
    });
    assert.deepEqual(new Set(Object.values(states['one'] ?? {})), new Set(['failed', 'skipped']));
    assert.equal(Object.keys(states['one'] ?? {}).length, 7);
    assert.deepEqual([report.partial, report.failed], [false, true]);
  });

  it('of a model skips the workers that load it', async () => {
    const { states } = await run({
      before: (key) => {
        if (key.startsWith('download_model')) throw failure;
      },
    });
    assert.equal(states['one']?.['worker:one-c'], 'skipped');
    assert.equal(states['one']?.['worker:one-a'], 'done');
  });

  it('of one replica leaves the others unchanged', async () => {
    const wanted = [{ ...desired('one'), workers: ['a', 'a-r2', 'a-r3'].map((id) => worker('one', id, 'chat')) }];
    const done = await run({ wanted });
    const observed = done.fleet.hives.map((hive) => ({
      ...hive,
      workers: hive.workers.map((one) => ({ ...one, declaration: 'd1' })),
    }));
    const { states, fleet, report } = await run({
      wanted,
      observed,
      before: (key) => {
        if (key === 'worker:one-a-r2') throw failure;
      },
    });
    assert.deepEqual(states['one'], {
      'worker:one-a': 'done',
      'worker:one-a-r2': 'failed',
      'worker:one-a-r3': 'skipped',
    });
    assert.equal(fleet.hives[0]?.workers.find(({ id }) => id === 'one-a-r3')?.declaration, 'd1');
    assert.match(report.hives[0]?.steps[2]?.error?.message ?? '', /one-a-r2, another replica, did not start/);
  });

  it('is retried if it is transient, and only then', async () => {
    let tries = 0;
    const { report, events } = await run({
      before: (key) => {
        if (key === 'install_worker:chat' && ++tries < 3) throw passing;
      },
    });
    assert.equal(report.partial, false);
    const step = report.hives[0]?.steps.find(({ step }) => stepKey(step) === 'install_worker:chat');
    assert.deepEqual([step?.state, step?.attempts], ['done', 3]);
    assert.equal(events.filter((event) => event.kind === 'warning' && /trying again/.test(event.text)).length, 2);
    const never = await run({
      before: (key) => {
        if (key === 'install_worker:chat') throw passing;
      },
    });
    const given = never.report.hives[0]?.steps.find(({ state }) => state === 'failed');
    assert.deepEqual([given?.attempts, given?.error?.code], [3, 'REGISTRY_UNREACHABLE']);
  });

  it('outside the catalogue names the hive', async () => {
    const { report } = await run({
      before: (key) => {
        if (key === 'hive') throw new TypeError('x is not a function');
      },
    });
    assert.match(report.hives[0]?.steps[0]?.error?.message ?? '', /internal error in hive one: x is not a function/);
  });
});

describe('the lease of a hive', () => {
  it('held by another sync blocks only that hive', async () => {
    const locked = RbeeError.of('SYNC_LOCKED', { hive: 'one', owner: 'mia on laptop', since: '12:00' });
    const { report, states, fleet } = await run({
      aliases: ['one', 'two'],
      effects: (fleet) => ({ lease: async (alias) => (alias === 'one' ? Promise.reject(locked) : fleet.lease(alias)) }),
    });
    assert.equal(report.hives[0]?.state, 'failed');
    assert.deepEqual(
      report.hives[0]?.problems.map(({ code }) => code),
      ['SYNC_LOCKED'],
    );
    assert.ok(Object.values(states['one'] ?? {}).every((state) => state === 'skipped'));
    assert.equal(report.hives[1]?.state, 'done');
    assert.equal(report.partial, true);
    assert.equal(fleet.leases.size, 0);
  });

  it('ends the work on that hive when it is lost', async () => {
    const lost = new AbortController();
    const { report, fleet } = await run({
      effects: (fleet) => ({
        lease: async (alias) => {
          await fleet.lease(alias);
          return { lost: lost.signal, release: async () => void fleet.leases.delete(alias) };
        },
      }),
      before: (key) => {
        if (key === 'worker:one-a') lost.abort(RbeeError.of('SYNC_LEASE_LOST', { hive: 'one', owner: 'mia' }));
      },
    });
    assert.deepEqual(
      report.hives[0]?.problems.map(({ code }) => code),
      ['SYNC_LEASE_LOST'],
    );
    assert.equal(report.hives[0]?.state, 'partly');
    assert.equal(report.cancelled, false);
    assert.equal(fleet.leases.size, 0);
  });

  it('is not taken if there is nothing to do', async () => {
    const done = await run({});
    let leases = 0;
    const { report } = await run({
      observed: done.fleet.hives,
      effects: () => ({
        lease: () => {
          leases++;
          throw failure;
        },
      }),
    });
    assert.equal(leases, 0);
    assert.equal(report.hives[0]?.state, 'unchanged');
    assert.equal(report.retry, null);
  });

  it('is followed by a new plan, so what another sync did meanwhile is not repeated', async () => {
    const done = await run({});
    const { report, fleet } = await run({
      effects: () => ({
        observe: async () => done.fleet.hives[0]!,
      }),
    });
    assert.deepEqual(fleet.done, []);
    assert.equal(report.hives[0]?.state, 'unchanged');
  });
});

describe('a sync that is cancelled', () => {
  it('starts nothing more, ends what runs, and releases every lease', async () => {
    const controller = new AbortController();
    const begun: string[] = [];
    const { report, fleet, states } = await run({
      aliases: ['one', 'two'],
      options: { signal: controller.signal, parallel: 1 },
      before: (key, alias) => {
        begun.push(`${alias} ${key}`);
        if (begun.length === 3) controller.abort(RbeeError.of('CANCELLED', { what: 'job x' }));
      },
    });
    assert.equal(begun.length, 3);
    assert.equal(report.cancelled, true);
    assert.equal(fleet.leases.size, 0);
    assert.ok(report.hives.every(({ state }) => state === 'partly' || state === 'cancelled'));
    const all = Object.values(states).flatMap((steps) => Object.values(steps));
    assert.ok(!all.includes('failed'));
    assert.equal(all.filter((state) => state === 'done').length, 2);
  });

  it('does nothing at all if it was cancelled before it began', async () => {
    const { report, fleet } = await run({ options: { signal: AbortSignal.abort(new Error('no')) } });
    assert.deepEqual(fleet.done, []);
    assert.equal(report.hives[0]?.state, 'cancelled');
  });
});

describe('the narration of a sync', () => {
  it('distinguishes hives and steps, and ends every step that it started', async () => {
    const { events } = await run({
      aliases: ['one', 'two'],
      effects: (fleet) => ({
        perform: async (alias, step, call) => {
          call.narrate({ kind: 'step', id: 'upload', text: 'uploading', on: 'hive local' });
          call.narrate({ kind: 'progress', id: 'upload', done: 1, total: 2 });
          if (alias === 'one' && step.kind === 'install_worker') throw failure;
          call.narrate({ kind: 'done', id: 'upload', text: 'uploaded' });
          await fleet.perform(alias, step, call);
        },
      }),
    });
    const begun = events.filter((event) => event.kind === 'step');
    const ended = events.filter((event) => event.kind === 'done');
    assert.equal(new Set(begun.map(({ id }) => id)).size, begun.length);
    assert.deepEqual(new Set(ended.map(({ id }) => id)), new Set(begun.map(({ id }) => id)));
    for (const { id, on } of begun) if (id !== 'sync') assert.equal(on, `hive ${id.split('/')[0]}`);
    assert.ok(ended.some(({ text }) => text === 'uploaded'));
    assert.ok(ended.some(({ id, failed }) => id === 'one/install_worker:chat/upload' && failed));
    assert.ok(
      ended.some(({ text }) => text?.startsWith('install chat 1.1.0 failed: refused to install the package p-chat')),
    );
    const last = events.at(-1);
    assert.deepEqual(last, { kind: 'done', id: 'sync', text: '1 hive as declared, 1 not', failed: true });
  });
});

describe('a hive that does not answer after its start', () => {
  it('is reported as such, and its steps as skipped', async () => {
    let looks = 0;
    const error = RbeeError.of('HIVE_UNREACHABLE', { hive: 'one', problem: 'gone' }).toJSON();
    const { report, states } = await run({
      effects: (fleet) => ({
        observe: async (alias) => {
          const hive = await fleet.observe(alias);
          return ++looks === 1 ? hive : { ...hive, status: 'unreachable', error };
        },
      }),
    });
    assert.deepEqual(report.hives[0]?.problems, [error]);
    assert.equal(states['one']?.['hive'], 'done');
    assert.equal(states['one']?.['worker:one-a'], 'skipped');
  });
});

const kinds: SyncStep['kind'][] = ['install_hive', 'install_worker', 'download_model', 'start_worker'];

it('steps of a hive run in order', async () => {
  const { fleet } = await run({});
  const order = fleet.done.map(({ step }) => kinds.indexOf(step.kind));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});
