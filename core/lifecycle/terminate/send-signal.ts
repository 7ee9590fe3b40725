/** Sends a signal; a missing permission becomes an error for people. */
import { RbeeError } from '../../contract/errors.ts';
import type { Runner, SignalTarget } from '../system/runner.ts';

/** False when there was no process to signal. `name` is for messages. Throws PERMISSION_DENIED. */
export const sendSignal = async (
  runner: Runner,
  to: SignalTarget,
  signal: NodeJS.Signals,
  name: string,
): Promise<boolean> => {
  try {
    return await runner.signal('pid' in to ? { pid: to.pid } : { group: to.group }, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    throw RbeeError.of('PERMISSION_DENIED', { action: 'stop', name }, { cause: error });
  }
};
