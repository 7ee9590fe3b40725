/**
 * Finds and ends processes of a run outside its leader's process group: daemons, new sessions, children of dead
 * parents. A process belongs to the run if it carries the run's nonce or is in the run's control group.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { StopContract } from '../../contract/worker-type/worker-type.ts';
import { until } from '../async/until.ts';
import type { RunGroup } from '../limits/run-group.ts';
import { sameProcess } from '../system/identity.ts';
import { nonceVariable } from '../system/marks.ts';
import type { ProcessIdentity, Runner } from '../system/runner.ts';
import { sendSignal } from './send-signal.ts';

export interface StraysOptions {
  /** Name of the worker or daemon, for messages. */
  name: string;
  nonce: string;
  group?: RunGroup;
  /** Signals to send in turn; an empty list means SIGKILL at once. */
  signals: StopContract['signals'];
  /** Skips the remaining signals. */
  hurry?: AbortSignal;
  /** Milliseconds for the kernel to carry out SIGKILL; 10,000 when absent. */
  killMs?: number;
}

/**
 * Resolves when no process of the run is left. A process that reuses the PID of one of them is never signalled. Throws
 * PERMISSION_DENIED, STOP_FAILED.
 */
export const endStrays = async (runner: Runner, options: StraysOptions): Promise<void> => {
  const { name, signals, hurry } = options;
  let left = await findStrays(runner, options);
  const end = async (signal: NodeJS.Signals, graceMs: number) => {
    await signalAll(runner, left, signal, name);
    await until(async () => (await living(runner, left)).length === 0, { timeoutMs: graceMs, hurry });
    // Searched again: a process that was being forked has not received the signal.
    left = await findStrays(runner, options);
    return left.length === 0;
  };
  for (const { signal, graceMs } of signals) {
    if (left.length === 0 || hurry?.aborted) break;
    await end(signal, graceMs);
  }
  if (left.length === 0) return;
  if (await until(() => end('SIGKILL', checkIntervalMs), { timeoutMs: options.killMs ?? 10_000 })) return;
  throw RbeeError.of('STOP_FAILED', { name, pid: left[0]?.pid ?? 0, problem: 'it is still there after SIGKILL' });
};

/** Every living process of the run. */
export const findStrays = async (
  runner: Runner,
  { nonce, group }: Pick<StraysOptions, 'nonce' | 'group'>,
): Promise<ProcessIdentity[]> => {
  const found = new Map<number, ProcessIdentity>();
  const carriers = await runner.findByEnvironment(nonceVariable, nonce);
  for (const carrier of carriers) found.set(carrier.pid, carrier);
  const pids = new Set(await group?.members());
  for (const number of new Set(carriers.map((carrier) => carrier.group))) {
    // Either the leader carries our mark, or it is gone: a group number is not reused while the group has members.
    const leader = carriers.some(({ pid }) => pid === number) ? null : await runner.identity(number);
    const members = leader === null ? await runner.groupMembers(number) : [];
    if (runner.ownPid === undefined || !members.includes(runner.ownPid)) for (const member of members) pids.add(member);
  }
  for (const pid of pids) {
    const there = found.has(pid) ? null : await runner.identity(pid);
    if (there) found.set(pid, there);
  }
  if (runner.ownPid !== undefined) found.delete(runner.ownPid);
  return [...found.values()];
};

/** Milliseconds between two searches. */
const checkIntervalMs = 500;

const living = async (runner: Runner, known: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> => {
  const there = await Promise.all(known.map(async (one) => sameProcess(await runner.identity(one.pid), one)));
  return known.filter((_, index) => there[index]);
};

const signalAll = async (
  runner: Runner,
  strays: readonly ProcessIdentity[],
  signal: NodeJS.Signals,
  name: string,
): Promise<void> => {
  for (const stray of strays) {
    if (sameProcess(await runner.identity(stray.pid), stray)) await sendSignal(runner, stray, signal, name);
  }
};
