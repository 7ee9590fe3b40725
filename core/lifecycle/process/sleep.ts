/** Asks a process to free its memory, or to load it again. */
import { RbeeError } from '../../contract/errors.ts';
import type { StopContract } from '../../contract/worker-type/worker-type.ts';
import { type HttpAnswer, httpRequest } from '../system/http-request.ts';
import type { Exit } from '../system/runner.ts';
import type { SleepRequest } from './process-plan.ts';

export interface SleepContext {
  id: string;
  /** For people: `put to sleep`, `woken`. */
  action: string;
  exited: Promise<Exit>;
  /** Aborted when something else must be done with the process, which the reason names. */
  skip: AbortSignal;
}

/** Tens of gigabytes are moved to main memory, or read again. */
const timeoutMs = 10 * 60_000;
const maxProblemChars = 300;

/** Throws WORKER_SLEEP_FAILED unless the answer is 2xx. */
export const requestSleep = async (
  { method, url, headers }: SleepRequest,
  { id, action, exited, skip }: SleepContext,
): Promise<void> => {
  const ended = new AbortController();
  void exited.then(() => ended.abort());
  const signal = AbortSignal.any([ended.signal, skip]);
  const failed = (problem: string, cause?: unknown) =>
    RbeeError.of('WORKER_SLEEP_FAILED', { worker: id, action, problem }, { cause });
  let answer: HttpAnswer;
  try {
    answer = await httpRequest({ url, method, headers, timeoutMs, signal });
  } catch (error) {
    if (ended.signal.aborted) throw failed('it ended', error);
    const { message } = skip.aborted ? (skip.reason as Error) : (error as Error);
    throw failed(message, error);
  }
  if (answer.status >= 200 && answer.status < 300) return;
  const words = answer.body.trim().slice(0, maxProblemChars);
  throw failed(`it answered ${answer.status}${words === '' ? '' : `: ${words}`}`);
};

/** Explains why the worker has no sleep request. */
export const cannotSleep = (id: string, { stop }: { stop: StopContract }): RbeeError => {
  const { sleep, wake } = stop;
  if (!sleep || !wake) {
    const hint = `stop it instead: rbee worker stop ${id}`;
    return RbeeError.of('WORKER_CANNOT_SLEEP', { worker: id, problem: 'its worker type has no sleep', hint });
  }
  if (sleep.option === undefined) {
    const hint = `restart it: rbee worker restart ${id}`;
    return RbeeError.of('WORKER_CANNOT_SLEEP', { worker: id, problem: 'it was started by an earlier rbee', hint });
  }
  const hint = `spawn it with --option ${sleep.option}=true, or stop it instead: rbee worker stop ${id}`;
  return RbeeError.of('WORKER_CANNOT_SLEEP', {
    worker: id,
    problem: `it was started without the option ${sleep.option}`,
    hint,
  });
};
