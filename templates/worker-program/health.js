/** How the program shows that it is ready, and how it is stopped. */
/** @import { HealthContract, StopContract } from '@rbee/contract' */

/**
 * For a program that has no health path, but prints a line when it is ready:
 * `ready: { mode: 'log', pattern: 'server is listening', example: 'server is listening' }`.
 *
 * @type {HealthContract}
 */
export const health = {
  ready: { mode: 'poll', path: '/health' },
  loadingStatus: [503],
  progressPattern: 'loading model: (?<percent>\\d{1,3})%',
  progressExample: 'loading model: 42%',
  live: { path: '/health' },
};

/** @type {StopContract} */
export const stop = { signals: [{ signal: 'SIGTERM', graceMs: 5_000 }] };
