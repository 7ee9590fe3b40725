/** Ends a process and its group: signals in turn, each with its grace, and SIGKILL to the whole group at last. */
import { RbeeError } from '../../contract/errors.ts';
import type { StopContract } from '../../contract/worker-type.ts';
import { until } from '../async/until.ts';
import { sameProcess } from '../system/identity.ts';
import type { ProcessIdentity, Runner, SignalTarget } from '../system/runner.ts';
import { sendSignal } from './send-signal.ts';

export interface TerminateOptions {
  /** Who it is, for messages. */
  name: string;
  /** The ladder; none goes to SIGKILL at once. */
  signals: StopContract['signals'];
  /** Settles when the leader has ended, where that is known without looking. */
  exited?: Promise<unknown>;
  /** Skips what is left of the ladder. */
  hurry?: AbortSignal;
  /** Milliseconds that the kernel gets to carry out SIGKILL; 10,000 when absent. */
  killMs?: number;
}

/**
 * Resolves when every process of the group is gone; one that is gone already is no error. A process that is not
 * `target` any more, though it has its PID, is never signalled. The leader hears first, so that it can end its children
 * in its own way; what is left when it is gone gets the same signal and the rest of the grace.
 * Throws PERMISSION_DENIED, STOP_FAILED.
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
  // A process that was being forked while the signal went round has not heard it.
  const againAndLook = async () => (await isGone()) || ((await send(last, 'SIGKILL')) ? await isGone() : true);
  if (await until(againAndLook, { timeoutMs: options.killMs ?? 10_000 })) return;
  throw RbeeError.of('STOP_FAILED', { name: options.name, pid, problem: 'it is still there after SIGKILL' });
};

/** Has the PID gone to another process, and with it perhaps the number of the group? */
const isStranger = async (runner: Runner, target: ProcessIdentity): Promise<boolean> => {
  const there = await runner.identity(target.pid);
  return there !== null && !sameProcess(there, target);
};
