/** Ctrl-C: the first press asks for an orderly end, the second one ends at once. */
import { exitCodes } from './report.ts';

export interface Interrupts {
  /** Aborted by the first press. */
  readonly signal: AbortSignal;
  /** Gives Ctrl-C back its usual meaning. */
  stop(): void;
}

/** `onFirst` hears of the first of these signals; a second one exits with 130. */
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
