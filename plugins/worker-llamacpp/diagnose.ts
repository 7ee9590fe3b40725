/** Recognises a failure by missing log lines, which no rule of the table can express. */
import type { Diagnosis, Failure } from '@rbee/contract';

/**
 * llama-server starts loading as soon as it listens. Sometimes its last lines are lost, and with them the reason why it
 * could not listen.
 */
export const diagnose = ({ exit, wasReady, log }: Failure): Diagnosis | undefined => {
  if (wasReady || exit?.code !== 1) return undefined;
  const listened = log.some((line) => /loading model|listening on/i.test(line));
  if (listened || !log.some((line) => /\binit: /.test(line))) return undefined;
  return {
    cause: 'port_in_use',
    message: 'llama-server could not listen on its port',
    hint: 'spawn the worker again: another port is chosen',
  };
};
