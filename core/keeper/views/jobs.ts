/** Jobs as people see them. */
import type { JobState, JobView } from '../../contract/queen-api.ts';
import { formatAge, formatDuration } from '../../narration/quantities.ts';
import type { Terminal } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from '../table.ts';

export const formatJobs = (jobs: readonly JobView[], terminal: Terminal, now = Date.now()): string =>
  jobs.length === 0 ? 'no jobs yet\n' : formatTable(jobs, columns(now), terminal);

const columns = (now: number): Column<JobView>[] => [
  { title: 'JOB', value: (job) => job.id },
  { title: 'STATE', value: (job) => job.state, style: (job) => styles[job.state] },
  { title: 'OPERATION', value: (job) => job.operation },
  { title: 'STARTED', value: (job) => `${formatAge(job.createdAt, now)} ago`, align: 'right' },
  { title: 'TOOK', value: (job) => took(job) ?? '-', align: 'right' },
  { title: 'WHAT', value: (job) => job.error?.message ?? briefly(job.input), flexible: true },
];

const styles: Record<JobState, 'green' | 'yellow' | 'red' | 'dim'> = {
  running: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'dim',
};

const took = (job: JobView): string | null =>
  job.endedAt === null ? null : formatDuration(Date.parse(job.endedAt) - Date.parse(job.createdAt));

const longestBrief = 200;

const briefly = (input: unknown): string => {
  const text = Object.entries(input ?? {})
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  return text.length > longestBrief ? `${text.slice(0, longestBrief)}…` : text;
};

/** Everything that is known of one job. */
export const formatJob = (job: JobView, terminal: Terminal, now = Date.now()): string =>
  formatPairs(
    [
      ['job', job.id],
      ['operation', job.operation],
      ['state', job.state],
      ['started', `${job.createdAt} (${formatAge(job.createdAt, now)} ago)`],
      ['took', took(job)],
      ['input', JSON.stringify(job.input)],
      ['result', job.result === null ? null : JSON.stringify(job.result)],
      ['error', job.error && `${job.error.message} (${job.error.code})`],
      ['try', job.error?.hint],
    ],
    terminal,
  );
