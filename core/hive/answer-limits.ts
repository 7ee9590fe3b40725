/** How much a hive may send. A real one stays far below; beyond it the connection is dropped. */
import type { BodyLimits, LineLimits } from '../boundary/read-bounded.ts';

const MiB = 2 ** 20;

/** A list of 50,000 files of a model is the largest answer there is. */
export const answerLimits: BodyLimits = { maxBytes: 8 * MiB, timeoutMs: 60_000 };

export const errorLimits: BodyLimits = { maxBytes: MiB, timeoutMs: 30_000 };

/** Milliseconds until the head of an answer: devices are measured first, which takes programs of the vendors. */
export const headTimeoutMs = 60_000;

/** A hive sends its full state at most 40 times a second, and not faster than 2 MiB a second. */
export const heartbeatLimits: LineLimits = {
  maxLineBytes: 4 * MiB,
  lines: { perSecond: 100, burst: 500 },
  bytes: { perSecond: 8 * MiB, burst: 32 * MiB },
};

/** Progress is reported at most ten times a second for each step. */
export const narrationLimits: LineLimits = {
  maxLineBytes: 8 * MiB,
  maxBytes: 64 * MiB,
  lines: { perSecond: 200, burst: 2_000 },
  bytes: { perSecond: 4 * MiB, burst: 32 * MiB },
};
