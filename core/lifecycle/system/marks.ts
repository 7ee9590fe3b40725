/** What our processes and their children carry in their environment, so that they can be found again. */
import { realpathSync } from 'node:fs';

/** One start of one worker. What carries it is ours, whatever its process group. */
export const nonceVariable = 'RBEE_RUN_NONCE';

/** For people and for doctor: which worker that was. */
export const workerVariable = 'RBEE_WORKER_ID';

/** State folder of the hive that started it: two homes on one machine never touch each other's workers. */
export const stateVariable = 'RBEE_STATE';

/** In the environment of every daemon: its PID file, by which it is found when that file is lost or garbled. */
export const daemonVariable = 'RBEE_PID_FILE';

/** The value of `stateVariable` for a state folder: the same by whatever way the folder is named. */
export const stateMark = (state: string): string => {
  try {
    return realpathSync(state);
  } catch {
    return state;
  }
};
