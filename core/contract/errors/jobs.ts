/** Errors of jobs. */
import type { Entries } from './entry.ts';

export const jobErrors = {
  JOB_NOT_FOUND: { status: 404, message: 'there is no job {job}', hint: 'run: rbee job list' },
  JOB_ENDED: { status: 409, message: 'job {job} has already ended ({state})', hint: 'run: rbee job get {job}' },
  JOB_MEMORY_EXHAUSTED: {
    status: 503,
    message: 'the running jobs use all the memory reserved for jobs ({size})',
    hint: 'wait until one of them ends, or cancel one: rbee job list',
  },
  JOB_RESULT_TOO_LARGE: {
    status: 500,
    message: 'the result of the job is {size}, more than the limit of {max}',
    hint: 'ask for less at a time, for example for one hive',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    message: 'the idempotency key {key} was already used for another request (job {job})',
    hint: 'use a new key for each request',
  },
} as const satisfies Entries;
