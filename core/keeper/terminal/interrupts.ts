/** Ctrl-C: the first press shuts down in order, the second quits immediately. */
import { exitCodes } from './report.ts';

export interface Interrupts {
  /** Aborted by the first press. */
  readonly signal: AbortSignal;
  /** Restores the normal meaning of Ctrl-C. */
  stop(): void;
}

/** `onFirst` is called for the first of these signals; the second exits with 130. */
export const catchInterrupts = (onFirst: () => void, signals: readonly NodeJS.Signals[] = ['SIGINT']): Interrupts => {
  const controller = new AbortController();
  const heard = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
    onFirst();
  };
  for (const signal of signals) process.on(signal, heard);
  return {
    signal: controller.signal,
    stop: () => {
      for (const signal of signals) process.off(signal, heard);
    },
  };
};
