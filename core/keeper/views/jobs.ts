/** Formats jobs. */
import type { JobState, JobView } from '../../contract/api/queen-api.ts';
import { jsonForPeople } from '../../narration/printable.ts';
import { formatAge, formatDuration } from '../../narration/quantities.ts';
import type { Terminal } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from '../terminal/table.ts';

export const formatJobs = (jobs: readonly JobView[], terminal: Terminal, now = Date.now()): string =>
  jobs.length === 0 ? 'no jobs yet\n' : formatTable(jobs, columns(now), terminal);

const columns = (now: number): Column<JobView>[] => [
  { title: 'JOB', value: (job) => job.id },
  { title: 'STATE', value: (job) => job.state, style: (job) => styles[job.state] },
  { title: 'OPERATION', value: (job) => commandOf(job.operation) },
  { title: 'STARTED', value: (job) => `${formatAge(job.createdAt, now)} ago`, align: 'right' },
  { title: 'TOOK', value: (job) => took(job) ?? '-', align: 'right' },
  { title: 'WHAT', value: whatText, flexible: true },
];

const styles: Record<JobState, 'green' | 'yellow' | 'red' | 'dim'> = {
  running: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'dim',
};

const took = (job: JobView): string | null =>
  job.endedAt === null ? null : formatDuration(Date.parse(job.endedAt) - Date.parse(job.createdAt));

/** The command of an operation: `package_sync` is `rbee sync`. */
const commandOf = (operation: string): string => operation.replace(/^package_/, '');

/** The operation, and why it failed. */
const whatText = (job: JobView): string => {
  const asked = askedFor(job.operation, job.input);
  return job.error === null ? asked : `${asked}: ${job.error.message}`;
};

const maxBriefLength = 200;

/** The main argument of an operation: the first of these. */
const mainArguments = ['type', 'worker', 'package', 'plugin', 'hive', 'model', 'prompt'];

/** `spawn of llamacpp demo`: an operation and its main argument. */
export const askedFor = (operation: string, input: unknown): string => {
  const given = (input ?? {}) as Record<string, unknown>;
  const main = mainArguments.map((key) => given[key]).filter((value) => typeof value === 'string');
  const about = (main.length > 0 ? main.join(' ') : briefly(input)).slice(0, maxBriefLength);
  const verb = operation.replace(/^(package|worker|hive|queen)_/, '').replaceAll('_', ' ');
  return about === '' ? verb : `${verb} of ${about}`;
};

const briefly = (input: unknown): string => {
  const text = Object.entries(input ?? {})
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : jsonForPeople(value)}`)
    .join(' ');
  return text.length > maxBriefLength ? `${text.slice(0, maxBriefLength)}…` : text;
};

/** Everything about one job. */
export const formatJob = (job: JobView, terminal: Terminal, now = Date.now()): string =>
  formatPairs(
    [
      ['job', job.id],
      ['operation', job.operation],
      ['state', job.state],
      ['started', `${job.createdAt} (${formatAge(job.createdAt, now)} ago)`],
      ['took', took(job)],
      ['input', jsonForPeople(job.input)],
      ['result', job.result === null ? null : jsonForPeople(job.result)],
      ['error', job.error && `${job.error.message} (${job.error.code})`],
      ['try', job.error?.hint],
    ],
    terminal,
  );
