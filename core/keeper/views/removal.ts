/** Formats what an uninstall will remove, before it asks for confirmation. */
import type { HivePlan, SyncPlan } from '../../contract/api/sync.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { Terminal } from '../../narration/text.ts';
import { stepText } from '../../sync/describe.ts';
import { counted } from './counted.ts';
import { formatProblem } from './problem.ts';

export const formatRemoval = (plan: SyncPlan, workers: readonly WorkerView[], terminal: Terminal): string =>
  plan.hives.map((hive) => `${formatHive(hive, workers)}${problems(hive, terminal)}`).join('');

const formatHive = ({ alias, hostname, steps, problems: found }: HivePlan, workers: readonly WorkerView[]): string => {
  const name = `${alias} (${hostname})`;
  if (steps.length === 0) return found.length > 0 ? '' : `${name}: nothing to remove\n`;
  const ids = workers.filter(({ hive, pid }) => hive === alias && pid !== null).map(({ id }) => id);
  const ended = ids.length === 0 ? '' : `; stops ${counted(ids.length, 'worker')}: ${ids.join(', ')}`;
  return `${name}: ${steps.map(stepText).join(', ') + ended}\n`;
};

const problems = ({ problems: found }: HivePlan, terminal: Terminal): string =>
  found.map((problem) => formatProblem(problem, terminal)).join('');
