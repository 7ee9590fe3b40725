import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobView } from '../../contract/api/queen-api.ts';
import { askedFor, formatJobs } from './jobs.ts';

const terminal = { width: Number.POSITIVE_INFINITY, rows: 24, live: false, colour: false, unicode: true };

it('shows what a job was for, then why it failed', () => {
  const job: JobView = {
    id: 'job-1',
    operation: 'worker_spawn',
    state: 'failed',
    input: { type: 'llamacpp', model: 'demo', options: {} },
    createdAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:01.000Z',
    result: null,
    error: { code: 'CANCELLED', message: 'it was cancelled', hint: '' },
  };
  assert.match(formatJobs([job], terminal), /spawn of llamacpp demo: it was cancelled\n$/);
});

it('names the main argument of an operation, or all of its input', () => {
  assert.equal(askedFor('worker_stop', { worker: 'w-1', now: true }), 'stop of w-1');
  assert.equal(askedFor('hive_start', { hive: 'local' }), 'start of local');
  assert.equal(askedFor('queen_status', {}), 'status');
});
