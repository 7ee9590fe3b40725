/** How vLLM reports health and load, and how it is stopped. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  // While vLLM loads, connections are refused. A 503 after that means that its engine has died.
  ready: { mode: 'poll', path: '/health' },
  progressPattern: 'Loading .{1,60}checkpoint shards: {1,3}(?<percent>\\d{1,3})% Completed',
  progressExample: 'Loading safetensors checkpoint shards:  50% Completed | 2/4',
  // Compiling a large model, or reading it from a slow disk, can take long without a log line.
  progressDeadlineMs: 30 * 60_000,
  live: { path: '/health' },
  deep: { path: '/v1/completions', body: { prompt: 'a', max_tokens: 1, temperature: 0 } },
};

/** It aborts running requests at once; ending its engine and the workers of several GPUs takes some seconds. */
export const stop: StopContract = {
  signals: [{ signal: 'SIGTERM', graceMs: 15_000 }],
  sleep: { method: 'POST', path: '/sleep?level=1', option: 'sleep_mode' },
  wake: { method: 'POST', path: '/wake_up' },
};

/** One line per engine of the worker; the hive adds them up. */
export const load: LoadContract = {
  path: '/metrics',
  running: 'vllm:num_requests_running',
  waiting: 'vllm:num_requests_waiting',
  kvCacheUse: 'vllm:kv_cache_usage_perc',
};
