/** How the engine shows that it is ready and how busy it is, and how it is stopped. */
/** @import { HealthContract, LoadContract, StopContract } from '@rbee/contract' */

/** @type {HealthContract} */
export const health = {
  // @rbee/worker-server listens at once, and answers 503 until the engine is loaded.
  ready: { mode: 'poll', path: '/health' },
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'my-engine: loading 42 %',
  progressDeadlineMs: 60_000,
  live: { path: '/health' },
};

/**
 * The grace period starts after the queen has drained the worker.
 *
 * @type {StopContract}
 */
export const stop = { signals: [{ signal: 'SIGTERM', graceMs: 2_000 }] };

/** @type {LoadContract} */
export const load = {
  path: '/metrics',
  running: 'rbee_requests_running',
  waiting: 'rbee_requests_waiting',
};
