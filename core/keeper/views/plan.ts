/** Formats the plan of a sync. */
import type { HivePlan, SyncPlan, SyncStep } from '../../contract/api/sync.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { extraText, stepWords } from '../../sync/describe.ts';
import { type Column, formatTable } from '../terminal/table.ts';
import { counted } from './counted.ts';
import { formatProblem, hiveBefore } from './problem.ts';

export const formatPlan = (plan: SyncPlan, terminal: Terminal): string => {
  const steps = formatSteps(plan.hives, terminal);
  const notes = plan.hives.map((hive) => formatNotes(hive, terminal)).join('');
  return [steps, notes, `${summary(plan)}\n`].filter((part) => part !== '').join('\n');
};

interface Row {
  hive: string;
  step: SyncStep;
}

const formatSteps = (hives: readonly HivePlan[], terminal: Terminal): string => {
  const rows = hives.flatMap(({ alias, steps }) => steps.map((step) => ({ hive: alias, step })));
  return rows.length === 0 ? '' : formatTable(rows, columns, terminal);
};

const columns: Column<Row>[] = [
  { title: 'HIVE', value: ({ hive }) => hive },
  { title: 'DO', value: ({ step }) => stepWords(step).verb, style: ({ step }) => styleOf(step) },
  { title: 'WHAT', value: ({ step }) => stepWords(step).what, flexible: true },
  { title: 'WHY', value: ({ step }) => stepWords(step).why, flexible: true, style: () => 'dim' },
];

const styleOf = ({ kind }: SyncStep) =>
  /^(delete|uninstall)/.test(kind) ? 'red' : kind === 'replace_worker' ? 'yellow' : 'green';

/** Problems, what is kept, and what is not known yet. */
const formatNotes = ({ alias, steps, problems, extra, complete, status }: HivePlan, terminal: Terminal): string => {
  const lines = problems.map((problem) => formatProblem(problem, terminal, hiveBefore(alias, problem)));
  const isRemoved = steps.some(({ kind }) => /^(delete|uninstall)/.test(kind));
  if (extra.length > 0 && !isRemoved) {
    const what = extra.map((one) => extraText(one)).join(', ');
    lines.push(`${paint('dim', `${alias}: not declared, kept (remove with --remove-extra): ${what}`, terminal)}\n`);
  }
  if (!complete && status !== 'unreachable') {
    lines.push(`${paint('dim', `${alias}: more steps may follow once its hive is running`, terminal)}\n`);
  }
  return lines.join('');
};

const summary = ({ config, hives, steps, inSync }: SyncPlan): string => {
  if (inSync) return `${all(hives.length)} in sync with ${config}; nothing to do`;
  const busy = hives.filter((hive) => hive.steps.length > 0).length;
  const troubled = hives.filter((hive) => hive.problems.length > 0).length;
  const todo = steps === 0 ? 'nothing to do' : `${counted(steps, 'step')} on ${counted(busy, 'hive')}`;
  return troubled === 0 ? todo : `${todo}; problems on ${counted(troubled, 'hive')}`;
};

const all = (count: number): string => {
  if (count === 0) return 'there are no hives, just';
  return count === 1 ? '1 hive is' : `all ${count} hives are`;
};
