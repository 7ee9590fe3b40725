/** Variables in the environment of our processes and their children, by which they are found again. */
import { realpathSync } from 'node:fs';

/** Identifies one start of one worker. Every process that carries it is ours, whatever its process group. */
export const nonceVariable = 'RBEE_RUN_NONCE';

/** Id of the worker, for people and for `rbee doctor`. */
export const workerVariable = 'RBEE_WORKER_ID';

/** State folder of the hive that started it: two homes on one machine never touch each other's workers. */
export const stateVariable = 'RBEE_STATE';

/** Every daemon carries the path of its PID file, by which it is found when that file is lost or damaged. */
export const daemonVariable = 'RBEE_PID_FILE';

/** The value of `stateVariable` for a state folder: the same for every path that leads to the folder. */
export const stateMark = (state: string): string => {
  try {
    return realpathSync(state);
  } catch {
    return state;
  }
};
