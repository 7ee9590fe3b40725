import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { DesiredHive, ObservedHive, SyncReport } from '../contract/api/sync.ts';
import { type ApplyOptions, applyPlan } from './apply.ts';
import { SyncJournal } from './journal.ts';
import { leftOver } from './left-over.ts';
import { type HivePair, planFleet } from './plan.ts';
import { type RandomFleet, randomFleets, SimulatedFleet } from './testing.ts';

const config = '/etc/hives.conf';
const quick = { attempts: 1, firstMs: 0, maxMs: 0 };

const pairs = (desired: readonly DesiredHive[], observed: readonly ObservedHive[]): HivePair[] =>
  observed.map((hive) => ({ observed: hive, desired: desired.find(({ alias }) => alias === hive.alias) ?? null }));

const sync = (
  fleet: SimulatedFleet,
  desired: readonly DesiredHive[],
  { removeExtra = false, signal = new AbortController().signal, ...rest }: Partial<ApplyOptions> = {},
): Promise<SyncReport> =>
  applyPlan({
    plan: planFleet(config, pairs(desired, fleet.seen), { removeExtra }),
    desired,
    effects: fleet,
    narrate: () => {},
    signal,
    parallel: 4,
    retries: quick,
    removeExtra,
    ...rest,
  });

/** The state of a fleet, independent of order. */
const state = (fleet: SimulatedFleet): unknown =>
  fleet.hives.map((hive) => ({
    ...hive,
    types: hive.types
      .map((one) => ({ ...one, variants: one.variants.toSorted() }))
      .toSorted((a, b) => a.type.localeCompare(b.type)),
    models: hive.models.toSorted((a, b) => a.model.localeCompare(b.model)),
    workers: hive.workers.toSorted((a, b) => a.id.localeCompare(b.id)),
  }));

const fleets = await randomFleets(40);

/** Checks the property for random fleets under several conditions. */
const always = async (check: (fleet: RandomFleet, removeExtra: boolean, number: number) => Promise<void>) => {
  for (const fleet of fleets) {
    await fc.assert(fc.asyncProperty(fleet, fc.boolean(), fc.nat(20), check), { numRuns: 10, seed: 7 });
  }
};

describe('a sync of any fleet', () => {
  it('reaches the desired state, after which there is nothing to do', () =>
    always(async ({ desired, observed }, removeExtra) => {
      const fleet = new SimulatedFleet(observed);
      const report = await sync(fleet, desired, { removeExtra });
      assert.deepEqual(
        report.hives.flatMap(({ steps }) => steps.filter((step) => step.state !== 'done')),
        [],
      );
      const again = planFleet(config, pairs(desired, fleet.seen), { removeExtra });
      assert.equal(again.steps, 0, JSON.stringify(again.hives.flatMap(({ steps }) => steps)));
      assert.equal(fleet.leases.size, 0);
      for (const hive of desired) {
        const real = fleet.hives.find(({ alias }) => alias === hive.alias)!;
        const blocked = again.hives.some(({ alias, problems }) => alias === hive.alias && problems.length > 0);
        if (blocked || real.status !== 'online') continue;
        for (const worker of hive.workers) {
          const there = real.workers.find(({ id }) => id === worker.id);
          assert.ok(there && there.state !== 'stopped' && there.state !== 'failed', worker.id);
        }
        for (const wanted of hive.types) assert.ok(real.types.some(({ type }) => type === wanted.type));
        for (const model of hive.models) assert.ok(real.models.some((one) => one.model === model && one.complete));
      }
    }));

  it('removes nothing undeclared without being asked', () =>
    always(async ({ desired, observed }) => {
      const fleet = new SimulatedFleet(observed);
      await sync(fleet, desired);
      for (const before of observed) {
        const now = fleet.hives.find(({ alias }) => alias === before.alias)!;
        const own = desired.find(({ alias }) => alias === before.alias);
        assert.ok(now.status !== 'absent' || before.status === 'absent', before.alias);
        for (const worker of before.workers) {
          const there = now.workers.find(({ id }) => id === worker.id);
          const isDeclared = own?.workers.some(({ id }) => id === worker.id) ?? false;
          if (!isDeclared) assert.deepEqual(there, worker);
          else assert.ok(there, `${worker.id} was lost`);
        }
        for (const { type } of before.types)
          assert.ok(
            now.types.some((one) => one.type === type),
            type,
          );
      }
    }));

  it('removes what is undeclared on request, except linked plugins', () =>
    always(async ({ desired, observed }) => {
      const fleet = new SimulatedFleet(observed);
      await sync(fleet, desired, { removeExtra: true });
      for (const hive of fleet.hives) {
        const own = desired.find(({ alias }) => alias === hive.alias);
        if (!own) {
          assert.equal(hive.status, 'absent');
          continue;
        }
        if (hive.status !== 'online') continue;
        const ids = hive.workers.map(({ id }) => id).toSorted();
        assert.deepEqual(ids, own.workers.map(({ id }) => id).toSorted());
        for (const link of observed.find(({ alias }) => alias === hive.alias)!.types) {
          if (link.source === 'link') assert.ok(hive.types.some(({ type }) => type === link.type));
        }
      }
    }));

  it('touches no worker that is as declared, and replaces replicas one at a time', () =>
    always(async ({ desired, observed }) => {
      const fleet = new SimulatedFleet(observed);
      await sync(fleet, desired);
      assert.ok(fleet.most.replaced <= 1);
      for (const hive of desired) {
        const before = observed.find(({ alias }) => alias === hive.alias)!;
        for (const worker of hive.workers) {
          const there = before.workers.find(({ id }) => id === worker.id);
          const version = before.types.find(({ type, source }) => type === worker.spec.type && source === 'link');
          const good =
            there?.declaration === worker.declaration &&
            (there.state === 'ready' || there.state === 'loading') &&
            there.pluginVersion === (version?.version ?? '1.1.0');
          const touched = fleet.done.some(({ step }) => 'worker' in step && step.worker === worker.id);
          if (good) assert.ok(!touched, worker.id);
        }
      }
    }));

  it('never runs more concurrent steps than allowed', () =>
    always(async ({ desired, observed }, removeExtra, number) => {
      const fleet = new SimulatedFleet(observed);
      await sync(fleet, desired, { removeExtra, parallel: 1 + (number % 3) });
      assert.ok(fleet.most.steps <= 1 + (number % 3));
    }));
});

describe('a sync that is interrupted', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbee-sync-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Cancelled when this step is about to finish. */
  const cancelledAt = (observed: readonly ObservedHive[], number: number) => {
    const controller = new AbortController();
    let count = 0;
    const fleet = new SimulatedFleet(observed, {
      before: () => {
        if (count++ === number) controller.abort(new Error('enough'));
      },
    });
    return { fleet, controller };
  };

  it('reaches the same state when it is repeated, wherever it was interrupted', () =>
    always(async ({ desired, observed }, removeExtra, number) => {
      const whole = new SimulatedFleet(observed);
      await sync(whole, desired, { removeExtra });
      const { fleet, controller } = cancelledAt(observed, number);
      const report = await sync(fleet, desired, { removeExtra, signal: controller.signal });
      assert.equal(report.cancelled, controller.signal.aborted);
      assert.equal(fleet.leases.size, 0);
      await sync(fleet, desired, { removeExtra });
      assert.deepEqual(state(fleet), state(whole));
    }));

  it('leaves a journal from which the remaining steps reach the same state', async () => {
    let runs = 0;
    await always(async ({ desired, observed }, removeExtra, number) => {
      if (runs >= 120) return;
      const file = join(folder, `${runs++}.json`);
      const whole = new SimulatedFleet(observed);
      await sync(whole, desired, { removeExtra });
      const { fleet, controller } = cancelledAt(observed, number);
      const first = await SyncJournal.open(file);
      await sync(fleet, desired, { removeExtra, signal: controller.signal, journal: first });
      const journal = await SyncJournal.open(file);
      assert.equal(journal.damaged, null);
      assert.deepEqual(journal.left(config), first.left(config));
      const plan = planFleet(config, pairs(desired, fleet.seen), { removeExtra });
      const rest = leftOver(plan, journal);
      const before = fleet.done.length;
      await sync(fleet, desired, { removeExtra, journal, ...rest });
      for (const { alias } of fleet.done.slice(before)) assert.ok(rest.plan.hives.some((hive) => hive.alias === alias));
      assert.deepEqual(state(fleet), state(whole));
    });
    assert.ok(runs > 100);
  });
});
