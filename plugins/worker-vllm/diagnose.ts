/** Recognises failures in vLLM's log that no rule of the table can describe. */
import type { Diagnosis, Failure, FailureCause } from '@rbee/contract';
import { plainLines, rootCause } from './last-words.ts';

export const diagnose = (failure: Failure): Diagnosis | undefined =>
  byMemory(failure.log) ?? byException(failure) ?? byExit(failure);

/** Messages with numbers that the hint is computed from, and one that spans several lines. */
const byMemory = (log: readonly string[]): Diagnosis | undefined => {
  const text = plainLines(log).join('\n');
  const [, device, free, total, wanted] = lessThanDesired.exec(text) ?? [];
  if (device !== undefined) {
    return {
      cause: 'out_of_memory',
      message: `${device} has ${free} of ${total} GiB free, and vLLM was to take ${wanted} of it`,
      hint: `stop what else uses the GPU (see nvidia-smi), or use less: --option gpu_memory_utilization=${freeShare(free, total)}`,
    };
  }
  const [, tokens, needed, left, most = ''] = tooLong.exec(text) ?? [];
  if (tokens === undefined) return undefined;
  return {
    cause: 'out_of_memory',
    message: `one request of ${tokens} tokens needs ${needed} GiB of cache, and ${left} GiB are left beside the weights`,
    hint: `give requests less room: --option max_model_len=${most.replaceAll(',', '') || '4096'}; or leave vLLM more memory: --option gpu_memory_utilization=0.95`,
  };
};

const lessThanDesired =
  /Free memory on device (\S+) \(([\d.]+)\/([\d.]+) GiB\) on startup is less than desired GPU memory utilization \(([\d.]+)/;
const tooLong =
  /max seq len \(([\d,]+)\),\s{0,9}\(?([\d.]+) GiB KV cache is needed,\s[\s\S]{0,80}?cache memory\s\(([\d.]+) GiB\)(?:[\s\S]{0,120}?estimated\smaximum\smodel\slength\sis\s([\d,]+))?/;

/** The free share of a GPU, rounded down, with a small margin. */
const freeShare = (free: string | undefined, total: string | undefined): string =>
  Math.max(0.01, Math.floor((Number(free) / Number(total)) * 100 - 1) / 100).toFixed(2);

/** For unknown failures: the root cause behind errors that only report another error. */
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
      hint: 'if you did not stop it, the system was out of memory: choose a smaller model',
    };
  }
  if (signal === 'SIGILL') {
    return {
      cause: 'crashed',
      message: 'vLLM uses instructions that this processor does not have',
      hint: 'vLLM on the CPU needs at least AVX2, and AVX-512 for all features',
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
  hint: 'look at its log, or try --option enforce_eager=true, which turns off what crashes most often',
});
