/** Limits on what a hive may send. A real hive stays far below them; beyond them the connection is closed. */
import type { BodyLimits, LineLimits } from '../boundary/read-bounded.ts';

const MiB = 2 ** 20;

/** The largest answer is a list of 50,000 files of a model. */
export const answerLimits: BodyLimits = { maxBytes: 8 * MiB, timeoutMs: 60_000 };

export const errorLimits: BodyLimits = { maxBytes: MiB, timeoutMs: 30_000 };

/** Milliseconds until the head of an answer: the hive first measures its devices with the vendors' programs. */
export const headTimeoutMs = 60_000;

/** A hive sends its full state at most 40 times and 2 MiB per second. */
export const heartbeatLimits: LineLimits = {
  maxLineBytes: 4 * MiB,
  lines: { perSecond: 100, burst: 500 },
  bytes: { perSecond: 8 * MiB, burst: 32 * MiB },
};

/** Each step reports progress at most ten times per second. */
export const narrationLimits: LineLimits = {
  maxLineBytes: 8 * MiB,
  maxBytes: 64 * MiB,
  lines: { perSecond: 200, burst: 2_000 },
  bytes: { perSecond: 4 * MiB, burst: 32 * MiB },
};
