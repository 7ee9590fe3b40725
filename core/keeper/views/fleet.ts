/** `rbee status`: the fleet at a glance. */
import type { FleetStatus, QueenStatus } from '../../contract/api/queen-api.ts';
import { formatAge } from '../../narration/quantities.ts';
import { paint, type Terminal } from '../../narration/text.ts';
import { formatPairs } from '../terminal/table.ts';
import { formatDrift } from './drift.ts';
import { formatHives } from './hives.ts';
import { howToAsk } from './how-to-ask.ts';
import { formatWorkers } from './workers.ts';

/** `ours` is the version of this command line. */
export const formatFleet = (fleet: FleetStatus, terminal: Terminal, ours?: string, now = Date.now()): string => {
  const { queen, hives, workers, models, drift } = fleet;
  const head = `queen  ${paint('green', 'running', terminal)}  ${queen.url}  pid ${queen.pid}  up ${formatAge(queen.startedAt, now)}  ${queen.version}\n`;
  const parts = [head, formatHives(hives, terminal, { ours, now }), formatWorkers(workers, terminal, now)];
  if (models.length > 0) parts.push(`models  ${models.join(', ')}\n`);
  if (drift) parts.push(formatDrift(drift, terminal, now));
  const next = nextStep(fleet);
  if (next) parts.push(`${paint('dim', 'next', terminal)}    ${next}\n`);
  return parts.join('\n');
};

/** The most useful next command. */
const nextStep = ({ hives, workers, models }: FleetStatus): string | undefined => {
  if (!hives.some((hive) => hive.status === 'online')) return 'rbee doctor';
  const [model] = models;
  if (model !== undefined) {
    const kinds = workers.flatMap((worker) => (worker.names.includes(model) ? (worker.kinds ?? ['chat']) : []));
    return howToAsk(model, kinds) ?? undefined;
  }
  // The empty table of workers already says how to start one.
  return workers.length > 0 ? 'to see why no model is ready: rbee worker get ID' : undefined;
};

export const formatQueen = (status: QueenStatus, terminal: Terminal, now = Date.now()): string => {
  const colour = status.status === 'running' ? 'green' : status.status === 'stopped' ? 'dim' : 'red';
  const since = status.startedAt === null ? null : `${status.startedAt} (${formatAge(status.startedAt, now)} ago)`;
  const { why, next } = describe(status);
  const line = `queen is ${paint(colour, status.status, terminal)}${why === null ? '' : `: ${why}`}\n`;
  const pid = status.pid === null ? null : String(status.pid);
  return (
    line +
    formatPairs(
      [
        ['pid', pid],
        ['url', status.urls?.join('  ') ?? status.url],
        ['version', status.version],
        ['started', since],
        ['next', next],
      ],
      terminal,
    )
  );
};

/** The reason for the status, and what to do next. */
const describe = ({ status, reason, pid }: QueenStatus): { why: string | null; next: string | null } => {
  switch (status) {
    case 'running':
      return { why: reason, next: null };
    case 'stopped':
      return { why: reason ?? 'not running', next: 'rbee queen start; most commands do that automatically' };
    case 'stale':
      return {
        why: `it ended without cleaning up; its process ${pid ?? '?'} is gone`,
        next: 'rbee queen start',
      };
    case 'failed':
      return { why: reason, next: 'rbee queen logs, then: rbee queen restart' };
  }
};
