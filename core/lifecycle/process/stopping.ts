/** Drains a process and ends it with everything that it started. */
import { waitDrained } from './drain.ts';
import { cannotStart } from './failure.ts';
import type { WaitOptions } from './managed-process-options.ts';
import type { RunRecord } from './process-plan.ts';
import type { ProcessRun } from './process-run.ts';
import type { ProcessState } from './process-state.ts';

export interface StopRequest {
  /** First wait until no request is running. */
  drain: boolean;
  /** Send SIGKILL at once, without the signals of the type. */
  kill: boolean;
  narrate: WaitOptions['narrate'];
  /** Recorded as the wanted state, which also holds for the next hive. */
  wanted: RunRecord['wanted'];
}

/**
 * Returns when the process and everything that it started have ended, including leftovers of an interrupted start. If
 * something survives, the process counts as failed. Throws STOP_FAILED, PERMISSION_DENIED.
 */
export const runStop = async (managed: ProcessState, { drain, kill, narrate, wanted }: StopRequest): Promise<void> => {
  const { options, record, run } = managed;
  record.wanted = wanted;
  if (run) {
    await managed.recordWriter.saveIfPossible();
    if (drain && (managed.state === 'ready' || managed.state === 'unhealthy')) await waitIdle(managed, run, narrate);
    managed.move('stopping');
    narrate?.({ kind: 'info', text: `${options.id}: stopping (pid ${run.identity.pid})` });
    try {
      await managed.endRun(run, kill ? [] : options.stop.signals);
    } catch (error) {
      managed.fail((await managed.describe(cannotStart(error), run)).failure);
      throw error;
    }
  } else {
    await managed.endLeftovers();
    if (managed.state === 'stopped') return;
    if (managed.state !== 'failed') managed.move('stopping');
  }
  managed.reported = null;
  managed.progress = null;
  Object.assign(record, { failure: null, crashes: [], kills: [] });
  managed.move('stopped');
  await managed.recordWriter.saveIfPossible();
};

const waitIdle = async (managed: ProcessState, run: ProcessRun, narrate: WaitOptions['narrate']): Promise<void> => {
  const { drain, id } = managed.options;
  if (drain === undefined) return;
  managed.move('draining');
  narrate?.({ kind: 'info', text: `${id}: waiting for running requests` });
  const skip = AbortSignal.any([managed.skipDrain.signal, managed.skipSignals.signal]);
  const problem = await waitDrained(drain, { skip, exited: run.exited });
  if (problem !== null) narrate?.({ kind: 'warning', text: `${id}: cannot drain: ${problem}` });
};
