/** How the engine shows that it is ready and how busy it is, and how it is ended. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  // @rbee/worker-server listens first, and answers 503 until the engine is loaded.
  ready: { mode: 'poll', path: '/health' },
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'my-engine: loading 42 %',
  progressDeadlineMs: 60_000,
  live: { path: '/health' },
};

/** The graces begin when the queen has drained the worker. */
export const stop: StopContract = { signals: [{ signal: 'SIGTERM', graceMs: 2_000 }] };

export const load: LoadContract = {
  path: '/metrics',
  running: 'rbee_requests_running',
  waiting: 'rbee_requests_waiting',
};
