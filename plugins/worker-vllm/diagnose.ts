/** vLLM's own last words, turned into a cause and a sentence. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/core/contract';
import { plainLines, rootCause } from './last-words.ts';
import { rules } from './rules.ts';

export const diagnose = (failure: Failure): Diagnosis | undefined =>
  byLog(failure.log) ?? byException(failure) ?? byExit(failure);

/** The first row of the table that the log holds: the rows go from causes to what follows from them. */
const byLog = (log: readonly string[]): Diagnosis | undefined => {
  const text = plainLines(log).join('\n');
  for (const { says, cause, message, hint } of rules) {
    const found = says.exec(text);
    if (found === null) continue;
    const groups = found.slice(1).map((group) => group?.replaceAll('\n', ' ').trim() ?? '');
    return { cause, message: words(message, groups), hint: words(hint, groups) };
  }
  return undefined;
};

const words = (sentence: string | ((groups: readonly string[]) => string), groups: readonly string[]): string =>
  typeof sentence === 'function'
    ? sentence(groups)
    : sentence.replaceAll(/\{(\d)\}/g, (_, number: string) => groups[Number(number) - 1] ?? '');

/** What is not in the table: the error behind those that only say that there was one. */
const byException = ({ log, exit, wasReady }: Failure): Diagnosis | undefined => {
  if (exit === null) return undefined;
  const root = rootCause(log);
  if (root === undefined) return log.some(engineDied) ? crashed('the engine of vLLM has died') : undefined;
  return {
    cause: 'crashed',
    message: `vLLM ended ${wasReady ? '' : 'before it was ready '}with ${root}`,
    hint: 'look at its log for what came before, and search its issues for these words',
  };
};

const engineDied = (line: string): boolean => /EngineDeadError|EngineCore encountered|initialization failed/.test(line);

const crashSignals = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'];

const byExit = ({ exit, wasReady }: Failure): Diagnosis | undefined => {
  if (exit === null) return undefined;
  const { code, signal } = exit;
  if (signal === 'SIGKILL' || code === 137) {
    return {
      cause: 'killed',
      message: 'it was killed',
      hint: 'if nobody did that, the system was out of memory: choose a smaller model',
    };
  }
  if (signal === 'SIGILL') {
    return {
      cause: 'crashed',
      message: 'vLLM uses instructions that this processor does not have',
      hint: 'a vLLM for the processor needs AVX2 at least, and AVX-512 for all of it',
    };
  }
  if (signal !== null && crashSignals.includes(signal)) {
    return crashed(`vLLM crashed with ${signal}`);
  }
  if (code === 127) {
    return {
      cause: 'missing_library',
      message: 'the program could not be started',
      hint: 'see its log; the environment may be broken, or its Python gone',
    };
  }
  return code === 0 && !wasReady ? crashed('it ended before it was ready, without saying why') : undefined;
};

const crashed = (message: string): Diagnosis => ({
  cause: 'crashed' satisfies FailureCause,
  message,
  hint: 'look at its log; --option enforce_eager=true leaves out what crashes most often',
});
