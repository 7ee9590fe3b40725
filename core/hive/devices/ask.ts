/** Runs programs of this machine that report devices; one that hangs is killed, and a missing one is not an error. */
import { cleanEnvironment } from '../../lifecycle/system/environment.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import type { Ask } from './device-source.ts';

/** A vendor's tool can hang forever on a broken device. */
const deadlineMs = 8_000;

export const askPrograms =
  (env: NodeJS.ProcessEnv): Ask =>
  async (program, args, timeoutMs = deadlineMs) => {
    try {
      return await localRunner.run([program, ...args], { env: cleanEnvironment(env), timeoutMs });
    } catch {
      return null;
    }
  };

/** Milliseconds for which an answer is reused. */
const freshMs = 2_000;

/** Reuses recent answers. A failed call is repeated. */
export const rememberAnswers = (ask: Ask, now: () => number = () => performance.now()): Ask => {
  const known = new Map<string, { answer: ReturnType<Ask>; until: number }>();
  return (...question) => {
    for (const [key, { until }] of known) if (until <= now()) known.delete(key);
    const key = JSON.stringify(question);
    const before = known.get(key);
    if (before) return before.answer;
    const answer = ask(...question).then((output) => {
      if (output === null) known.delete(key);
      return output;
    });
    known.set(key, { answer, until: now() + freshMs });
    return answer;
  };
};
