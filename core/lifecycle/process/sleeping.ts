/** Puts a ready process to sleep, which frees its memory, and wakes it up. */
import { RbeeError } from '../../contract/errors.ts';
import { waitDrained } from './drain.ts';
import type { WaitOptions } from './managed-process-options.ts';
import type { ProcessState } from './process-state.ts';
import { watchLive } from './recovering.ts';
import { cannotSleep, requestSleep } from './sleep.ts';

export interface SleepOptions {
  /** First wait until no request is running. */
  drain: boolean;
  narrate: WaitOptions['narrate'];
  /** Cuts the sleep short; its reason says why. */
  skip: AbortSignal;
}

/**
 * Returns when the engine has confirmed; does nothing if it sleeps already. Throws WORKER_CANNOT_SLEEP, WORKER_NOT_READY,
 * WORKER_SLEEP_FAILED.
 */
export const runSleep = async (managed: ProcessState, { drain, narrate, skip }: SleepOptions): Promise<void> => {
  const { options, run, record } = managed;
  const { id } = options;
  if (managed.state === 'sleeping') return;
  if (!run || managed.state !== 'ready') throw RbeeError.of('WORKER_NOT_READY', { worker: id, state: managed.state });
  const { rest } = run.plan;
  if (!rest) throw cannotSleep(id, options);
  if (options.drain && drain) {
    const problem = await waitDrained(options.drain, { skip, exited: run.exited });
    if (problem !== null) narrate?.({ kind: 'warning', text: `${id}: cannot drain: ${problem}` });
  }
  // An engine that sleeps, or has begun to, may not answer health checks.
  run.stopLiveChecks();
  // Saved first: a sleeping worker that counts as awake would get requests, while waking one twice does no harm.
  record.asleep = true;
  await managed.recordWriter.saveIfPossible();
  try {
    await requestSleep(rest.sleep, { id, action: 'put to sleep', exited: run.exited, skip });
  } catch (error) {
    // The owner was closed during the request, so the process may be asleep by now.
    if (managed.closed) throw error;
    record.asleep = false;
    if (run.exit === null) watchLive(managed, run);
    void managed.recordWriter.saveIfPossible();
    throw error;
  }
  managed.move('sleeping');
};

/** Returns when the process is ready again; does nothing if it is. Throws WORKER_NOT_READY, WORKER_SLEEP_FAILED. */
export const runWake = async (
  managed: ProcessState,
  narrate: WaitOptions['narrate'],
  skip: AbortSignal,
): Promise<void> => {
  const { run } = managed;
  const { id } = managed.options;
  if (managed.state === 'ready') return;
  const rest = run?.plan.rest;
  if (!run || !rest || managed.state !== 'sleeping') {
    throw RbeeError.of('WORKER_NOT_READY', { worker: id, state: managed.state });
  }
  narrate?.({ kind: 'info', text: `waking ${id}` });
  await requestSleep(rest.wake, { id, action: 'woken', exited: run.exited, skip });
  managed.record.asleep = false;
  managed.move('ready');
  watchLive(managed, run);
  await managed.recordWriter.saveIfPossible();
};
