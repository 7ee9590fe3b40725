/** Ends a process and its group: each signal in turn with its grace period, finally SIGKILL to the whole group. */
import { RbeeError } from '../../contract/errors.ts';
import type { StopContract } from '../../contract/worker-type/worker-type.ts';
import { until } from '../async/until.ts';
import { sameProcess } from '../system/identity.ts';
import type { ProcessIdentity, Runner, SignalTarget } from '../system/runner.ts';
import { sendSignal } from './send-signal.ts';

export interface TerminateOptions {
  /** For messages. */
  name: string;
  /** Signals to send in turn; an empty list means SIGKILL at once. */
  signals: StopContract['signals'];
  /** Settles when the leader has ended, where that is known without polling. */
  exited?: Promise<unknown>;
  /** Skips the remaining signals. */
  hurry?: AbortSignal;
  /** Milliseconds for the kernel to carry out SIGKILL; 10,000 when absent. */
  killMs?: number;
}

/**
 * Resolves when every process of the group is gone; succeeds when it already is. A process that merely reuses the PID
 * of `target` is never signalled. The leader is signalled first, so that it can end its children itself; once it is
 * gone, the rest of the group gets the same signal and the remaining grace period. Throws PERMISSION_DENIED,
 * STOP_FAILED.
 */
export const terminate = async (runner: Runner, target: ProcessIdentity, options: TerminateOptions): Promise<void> => {
  const { pid } = target;
  const leads = target.group === pid;
  const send = (to: SignalTarget, signal: NodeJS.Signals) => sendSignal(runner, to, signal, options.name);
  const alive = async () => sameProcess(await runner.identity(pid), target);

  for (const { signal, graceMs } of options.signals) {
    if (options.hurry?.aborted) break;
    const deadline = performance.now() + graceMs;
    if (await alive()) {
      await send({ pid }, signal);
      const limits = { timeoutMs: graceMs, hurry: options.hurry, sooner: options.exited };
      if (!(await until(async () => !(await alive()), limits))) continue;
    }
    if (!leads || (await isStranger(runner, target))) return;
    if (!(await send({ group: pid }, signal))) return;
    const left = { timeoutMs: deadline - performance.now(), hurry: options.hurry };
    if (await until(async () => (await runner.groupMembers(pid)).length === 0, left)) return;
    break;
  }

  const last: SignalTarget = leads ? { group: pid } : { pid };
  const isGone = async () => (leads ? (await runner.groupMembers(pid)).length === 0 : !(await alive()));
  if (!(await alive()) && (!leads || (await isStranger(runner, target)))) return;
  if (!(await send(last, 'SIGKILL'))) return;
  if (options.exited) await until(async () => !(await alive()), { timeoutMs: 50, sooner: options.exited });
  // A process that was being forked at that moment has not received the signal.
  const againAndLook = async () => (await isGone()) || ((await send(last, 'SIGKILL')) ? await isGone() : true);
  if (await until(againAndLook, { timeoutMs: options.killMs ?? 10_000 })) return;
  throw RbeeError.of('STOP_FAILED', { name: options.name, pid, problem: 'it is still there after SIGKILL' });
};

/** Whether the PID, and with it perhaps the group number, now belongs to another process. */
const isStranger = async (runner: Runner, target: ProcessIdentity): Promise<boolean> => {
  const there = await runner.identity(target.pid);
  return there !== null && !sameProcess(there, target);
};
