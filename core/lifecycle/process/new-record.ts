/** A run record before the first start, with fresh secrets. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ManagedProcessOptions } from './managed-process-options.ts';
import type { RunRecord } from './process-plan.ts';

export const newRecord = ({ id, policy, stop, limits, logFile, data }: ManagedProcessOptions): RunRecord => ({
  id,
  nonce: randomBytes(16).toString('hex'),
  readyToken: randomBytes(24).toString('base64url'),
  wanted: 'running',
  pid: null,
  startTime: null,
  bootId: '',
  port: null,
  spawnedAt: null,
  readyAt: null,
  crashes: [],
  kills: [],
  restarts: 0,
  killed: 0,
  policy,
  stop,
  limits,
  logFile,
  plan: null,
  failure: null,
  data,
});

/** Compares digests, so that the comparison takes the same time for tokens of any length. */
export const sameSecret = (one: string, other: string): boolean => {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
};
