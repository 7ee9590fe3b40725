/** How the fleet differs from hives.conf, as people see it. */
import type { DriftView, FleetDrift } from '../../contract/sync.ts';
import { formatAge } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { type Column, formatTable } from '../table.ts';
import { counted } from './counted.ts';
import { formatPlan } from './plan.ts';

type Row = FleetDrift['hives'][number];

/** A line when all is as declared, else a table of what is not. */
export const formatDrift = (drift: FleetDrift, terminal: Terminal, now = Date.now()): string => {
  const { hives, counts, inSync, at } = drift;
  const name = paint('dim', 'drift', terminal);
  const seen = paint('dim', `(looked at ${formatAge(at, now)} ago)`, terminal);
  if (inSync) return `${name}   none: ${counted(counts.hives, 'hive')} as ${drift.config} says ${seen}\n`;
  const others = hives.filter(({ state }) => state !== 'in-sync');
  const line = `${name}   ${counts.drifted + counts.unreachable} of ${counted(counts.hives, 'hive')} not as ${drift.config} says ${seen}\n`;
  const hint = `${paint('dim', 'make it so with: rbee sync; all of it: rbee status --verbose', terminal)}\n`;
  return `${line}${formatTable(others, columns, terminal)}${hint}`;
};

/** The whole difference, as the plan of a sync that is not run. */
export const formatWholeDrift = (drift: DriftView, terminal: Terminal, now = Date.now()): string => {
  if (!drift.declared) return `there is no ${drift.config}: nothing is declared, and nothing drifts\n`;
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
