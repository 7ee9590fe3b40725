/** Formats the drift from hives.conf. */
import type { DriftView, FleetDrift } from '../../contract/api/sync.ts';
import { formatAge } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { type Column, formatTable } from '../terminal/table.ts';
import { counted } from './counted.ts';
import { formatPlan } from './plan.ts';

type Row = FleetDrift['hives'][number];

/** One line if everything is in sync, else a table of the hives that are not. */
export const formatDrift = (drift: FleetDrift, terminal: Terminal, now = Date.now()): string => {
  const { hives, counts, inSync, at } = drift;
  const name = paint('dim', 'drift', terminal);
  const seen = paint('dim', `(checked ${formatAge(at, now)} ago)`, terminal);
  if (inSync) return `${name}   none: ${counted(counts.hives, 'hive')} in sync with ${drift.config} ${seen}\n`;
  const others = hives.filter(({ state }) => state !== 'in-sync');
  const line = `${name}   ${counts.drifted + counts.unreachable} of ${counted(counts.hives, 'hive')} out of sync with ${drift.config} ${seen}\n`;
  const hint = `${paint('dim', 'fix it with: rbee sync; for details: rbee status --verbose', terminal)}\n`;
  return `${line}${formatTable(others, columns, terminal)}${hint}`;
};

/** All differences, as the plan of a sync. */
export const formatWholeDrift = (drift: DriftView, terminal: Terminal, now = Date.now()): string => {
  if (!drift.declared) return `there is no ${drift.config}, so there is nothing to compare with\n`;
  const { hives, config, inSync, counts } = drift;
  const plan = { config, inSync, steps: counts.steps, hives: hives.map((hive) => hive.plan) };
  return inSync
    ? formatDrift(drift, terminal, now)
    : `${formatDrift(drift, terminal, now)}\n${formatPlan(plan, terminal)}`;
};

const columns: Column<Row>[] = [
  { title: 'HIVE', value: ({ alias }) => alias },
  { title: 'STATE', value: ({ state }) => state, style: ({ state }) => styles[state] },
  { title: 'DIFFERENCE', value: ({ summary }) => summary, flexible: true },
];

const styles = { 'in-sync': 'green', drifted: 'yellow', unreachable: 'red', undeclared: 'dim' } as const;
