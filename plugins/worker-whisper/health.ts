/** Health, load and stopping of both engines: our own server stands in front of each. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  ready: { mode: 'poll', path: '/health' },
  // It listens first and answers "Loading model" with this status until the model is loaded.
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'loading 42 %',
  live: { path: '/health' },
};

/** It ends when its requests have; a second signal ends it at once. whisper-server may take some seconds with it. */
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
