/** How both engines show their health and load, and how they are ended. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  ready: { mode: 'poll', path: '/health' },
  // Both listen first and say "Loading model" with this status until the model is loaded.
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'loading 42 %',
  live: { path: '/health' },
  deep: { path: '/v1/completions', body: { prompt: 'a', max_tokens: 1, temperature: 0 } },
};

/**
 * llama-server ends on SIGTERM only once its clients have gone: never while a whole answer is awaited, and at the next
 * ping of a stream. A second signal ends either engine at once.
 */
export const stop: StopContract = {
  signals: [
    { signal: 'SIGTERM', graceMs: 2000 },
    { signal: 'SIGTERM', graceMs: 2000 },
  ],
  closesOnlyWhenIdle: true,
};

/** llama-server's names, which the builtin engine uses too. Neither tells how full the context is. */
export const load: LoadContract = {
  path: '/metrics',
  running: 'llamacpp:requests_processing',
  waiting: 'llamacpp:requests_deferred',
};
