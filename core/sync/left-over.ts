/** For `--retry-failed`: narrows a plan to what failed or was left the last time. */

import type { SyncPlan, SyncStep } from '../contract/api/sync.ts';
import { RbeeError } from '../contract/errors.ts';
import { stepKey } from './describe.ts';
import type { SyncJournal } from './journal.ts';

export interface LeftOver {
  plan: SyncPlan;
  only: (alias: string, step: SyncStep) => boolean;
}

/** Aliases of hives with something left. Throws SYNC_NOTHING_TO_RETRY. */
export const hivesLeft = (journal: SyncJournal, config: string): string[] => {
  const left = [...journal.left(config).keys()];
  if (left.length === 0) throw RbeeError.of('SYNC_NOTHING_TO_RETRY', { file: config });
  return left;
};

/** The steps of the plan that were left. Hives without any are dropped. */
export const leftOver = (plan: SyncPlan, journal: SyncJournal): LeftOver => {
  const left = journal.left(plan.config);
  const only = (alias: string, step: SyncStep): boolean => {
    const keys = left.get(alias);
    return keys === 'all' || (keys?.has(stepKey(step)) ?? false);
  };
  const hives = plan.hives.filter(({ alias }) => left.has(alias));
  const steps = hives.reduce((sum, hive) => sum + hive.steps.filter((step) => only(hive.alias, step)).length, 0);
  return { plan: { ...plan, hives, steps }, only };
};
