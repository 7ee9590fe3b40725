/** A machine that is missing in hives.conf by mistake should not lose all that runs there without a word. */
import { RbeeError } from '../../contract/errors.ts';
import type { SyncPlan } from '../../contract/sync.ts';
import type { JobContext } from '../jobs/jobs.ts';

/** Asks whoever wants this plan applied. Errors: SYNC_REMOVAL_REFUSED unless they agree. */
export const agreeToRemovals = async ({ config, hives }: SyncPlan, { ask }: Pick<JobContext, 'ask'>): Promise<void> => {
  const lost = hives.filter(({ steps }) => steps.some(({ kind }) => kind === 'uninstall_hive'));
  if (lost.length === 0) return;
  const names = lost.map(({ alias }) => alias).join(', ');
  const question = `Remove rbee and all that runs there from ${names}, which ${config} does not name?`;
  if ((await ask(question, ['yes', 'no'])) === 'yes') return;
  throw RbeeError.of('SYNC_REMOVAL_REFUSED', { hives: names, file: config });
};
