/** Formats the report of a sync: one line per hive, then each failure with its cause and what to try. */
import type { HiveReport, SyncReport } from '../../contract/api/sync.ts';
import { formatDuration } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { stepText } from '../../sync/describe.ts';
import { type Column, formatTable } from '../terminal/table.ts';
import { counted } from './counted.ts';
import { formatProblem, hiveBefore } from './problem.ts';

export const formatReport = (report: SyncReport, terminal: Terminal): string => {
  const { hives } = report;
  const table = hives.length === 0 ? '' : formatTable(hives, columns, terminal);
  const failures = hives.map((hive) => formatFailures(hive, terminal)).join('');
  return [table, failures, `${summary(report)}\n`].filter((part) => part !== '').join('\n');
};

const columns: Column<HiveReport>[] = [
  { title: 'HIVE', value: ({ alias }) => alias },
  { title: 'STATE', value: ({ state }) => state, style: ({ state }) => styles[state] },
  { title: 'STEPS', value: stepsText, flexible: true },
  { title: 'TOOK', value: ({ ms }) => formatDuration(ms), align: 'right' },
];

const styles = { unchanged: 'dim', done: 'green', partly: 'yellow', failed: 'red', cancelled: 'dim' } as const;

function stepsText({ steps }: HiveReport): string {
  const parts = (['done', 'failed', 'skipped'] as const).map((state) => {
    const count = steps.filter((step) => step.state === state).length;
    return count === 0 ? '' : `${count} ${state}`;
  });
  return parts.filter((part) => part !== '').join(', ') || '-';
}

const formatFailures = ({ alias, problems, steps, retry }: HiveReport, terminal: Terminal): string => {
  const lines = problems.map((problem) => formatProblem(problem, terminal, hiveBefore(alias, problem)));
  for (const { step, state, error, attempts } of steps) {
    if (state !== 'failed' || error === null) continue;
    const tries = attempts > 1 ? ` (tried ${attempts} times)` : '';
    lines.push(formatProblem(error, terminal, `${alias}: ${stepText(step)}${tries}: `));
  }
  const skipped = steps.filter(({ state }) => state === 'skipped').map(({ step }) => stepText(step));
  if (skipped.length > 0) lines.push(`${paint('dim', `${alias}: skipped: ${skipped.join(', ')}`, terminal)}\n`);
  if (retry !== null) lines.push(`${alias}: retry with: ${retry}\n`);
  return lines.join('');
};

const summary = ({ hives, counts, cancelled, ms }: SyncReport): string => {
  const of = (state: HiveReport['state']): string => {
    const count = hives.filter((hive) => hive.state === state).length;
    return count === 0 ? '' : `${count} ${state}`;
  };
  const states = (['unchanged', 'done', 'partly', 'failed', 'cancelled'] as const).map(of);
  const parts = states.filter((part) => part !== '').join(', ') || 'nothing to do';
  return `${cancelled ? 'cancelled; ' : ''}${counted(counts.hives, 'hive')}: ${parts} (${formatDuration(ms)})`;
};
