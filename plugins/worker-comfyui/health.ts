/** How ComfyUI's adapter reports health and load, and how both are stopped. */
import type { HealthContract, LoadContract, StopContract } from '@rbee/contract';

export const health: HealthContract = {
  ready: { mode: 'poll', path: '/health' },
  loadingStatus: [503],
  // Importing PyTorch and dozens of custom nodes takes a while, usually with a log line for each.
  progressDeadlineMs: 10 * 60_000,
  live: { path: '/health' },
};

/** Running requests are already finished; ComfyUI itself ends between two steps of its work. */
export const stop: StopContract = {
  signals: [
    { signal: 'SIGTERM', graceMs: 10_000 },
    { signal: 'SIGTERM', graceMs: 2000 },
  ],
};

/** ComfyUI's own queue, including work from its web interface. */
export const load: LoadContract = {
  path: '/metrics',
  running: 'comfyui_prompts_running',
  waiting: 'comfyui_prompts_waiting',
};
