/** How the fleet differs from `hives.conf`, for `rbee status`: the plan of a sync that is not run. */
import type { DriftView, HiveDrift, HivePlan, SyncPlan } from '../contract/api/sync.ts';
import { planSummary } from './describe.ts';

/** `declared` are the aliases in the file. Null: no file, so nothing drifts. */
export const driftOf = (plan: SyncPlan, declared: readonly string[] | null, at = new Date()): DriftView => {
  const known = new Set(declared ?? []);
  const hives = plan.hives.map((hive) => driftOfHive(hive, declared === null || known.has(hive.alias)));
  return { ...driftOfHives(plan.config, hives, at), declared: declared !== null };
};

/** The same, from drifts of single hives. */
export const driftOfHives = (config: string, hives: readonly HiveDrift[], at = new Date()): DriftView => {
  const inState = (state: HiveDrift['state']) => hives.filter((hive) => hive.state === state).length;
  return {
    config,
    declared: true,
    inSync: inState('drifted') === 0 && inState('unreachable') === 0,
    hives,
    counts: {
      hives: hives.length,
      inSync: inState('in-sync'),
      drifted: inState('drifted'),
      unreachable: inState('unreachable'),
      undeclared: inState('undeclared'),
      steps: hives.reduce((sum, { plan }) => sum + plan.steps.length, 0),
    },
    at: at.toISOString(),
  };
};

/** A hive that the file does not name cannot drift. */
export const driftOfHive = (plan: HivePlan, isDeclared: boolean): HiveDrift => {
  const { alias, hostname } = plan;
  const about = (state: HiveDrift['state'], summary = planSummary(plan)) => ({ alias, hostname, state, summary, plan });
  if (!isDeclared) return about('undeclared', 'hives.conf does not name it');
  if (plan.status === 'unreachable') return about('unreachable');
  return about(plan.steps.length > 0 || plan.problems.length > 0 ? 'drifted' : 'in-sync');
};
