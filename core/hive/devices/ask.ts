/** Asks programs of this machine; one that hangs is given up, one that is missing is no error. */
import { cleanEnvironment } from '../../lifecycle/environment.ts';
import { localRunner } from '../../lifecycle/local-runner.ts';
import type { Ask } from './device-source.ts';

/** A vendor's tool on a broken device can hang for ever. */
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
