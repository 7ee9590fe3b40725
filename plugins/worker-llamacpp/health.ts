/** How both engines report health and load, and how they are stopped. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  ready: { mode: 'poll', path: '/health' },
  // Both listen at once, and answer "Loading model" with this status until the model is loaded.
  loadingStatus: [503],
  progressPattern: 'loading (?<percent>\\d{1,3}) %',
  progressExample: 'loading 42 %',
  live: { path: '/health' },
  deep: { path: '/v1/completions', body: { prompt: 'a', max_tokens: 1, temperature: 0 } },
};

/**
 * After SIGTERM, llama-server waits for its clients: for unstreamed answers without limit, for streams until the next ping.
 * A second signal ends either engine at once.
 */
export const stop: StopContract = {
  signals: [
    { signal: 'SIGTERM', graceMs: 2000 },
    { signal: 'SIGTERM', graceMs: 2000 },
  ],
  closesOnlyWhenIdle: true,
};

/** llama-server's names, which the builtin engine also uses. Neither reports how full the context is. */
export const load: LoadContract = {
  path: '/metrics',
  running: 'llamacpp:requests_processing',
  waiting: 'llamacpp:requests_deferred',
};
