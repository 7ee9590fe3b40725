/** How both engines report health and load, and how they are stopped. Both use the same server. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  ready: { mode: 'poll', path: '/health' },
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'loading 42 %',
  // Reading gigabytes of weights from a slow disk can take long without a log line.
  progressDeadlineMs: 600_000,
  live: { path: '/health' },
  deep: { path: '/v1/images/generations', body: { prompt: 'a', size: '64x64', steps: 1, guidance: 1, seed: 0 } },
};

/** Running requests are already finished. The first signal frees the model, a second one ends the program at once. */
export const stop: StopContract = {
  signals: [
    { signal: 'SIGTERM', graceMs: 5000 },
    { signal: 'SIGTERM', graceMs: 2000 },
  ],
};

export const load: LoadContract = {
  path: '/metrics',
  running: 'rbee_requests_running',
  waiting: 'rbee_requests_waiting',
};
