/** How both engines report health and load, and how they are stopped. Both use our own server. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  ready: { mode: 'poll', path: '/health' },
  // The server listens at once, and answers "Loading model" with this status until the model is loaded.
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'loading 42 %',
  live: { path: '/health' },
};

/** It finishes its requests first; a second signal ends it at once. whisper-server can take some seconds. */
export const stop: StopContract = {
  signals: [
    { signal: 'SIGTERM', graceMs: 5000 },
    { signal: 'SIGTERM', graceMs: 2000 },
  ],
  closesOnlyWhenIdle: true,
};

export const load: LoadContract = {
  path: '/metrics',
  running: 'rbee_requests_running',
  waiting: 'rbee_requests_waiting',
};
