/** Errors of workers, and of the requests they serve. */
import type { Entries } from './entry.ts';

export const workerErrors = {
  NAME_CONFLICT: {
    status: 409,
    message: 'worker {worker} already serves {model} under the name {name}',
    hint: 'choose another name with --name',
  },
  LIMIT_UNENFORCEABLE: {
    status: 422,
    message: 'cannot enforce the {what} limit of {worker}: {problem}',
    hint: '{hint}',
  },
  WORKER_NOT_FOUND: { status: 404, message: 'there is no worker {worker}{near}', hint: 'run: rbee worker list' },
  WORKER_AMBIGUOUS: {
    status: 409,
    message: 'several hives have a worker {worker}: {hives}',
    hint: 'choose one with --hive',
  },
  WORKER_FAILED: { status: 500, message: 'worker {worker} failed: {problem}', hint: '{hint}' },
  WORKER_PLUGIN_MISSING: {
    status: 409,
    message: 'the worker was started from {package}, and hive {hive} {problem}',
    hint: '{hint}',
  },
  WORKER_NOT_READY: { status: 503, message: 'worker {worker} is {state}', hint: 'run: rbee worker get {worker}' },
  WORKER_CANNOT_SLEEP: { status: 409, message: 'worker {worker} cannot sleep: {problem}', hint: '{hint}' },
  WORKER_SLEEP_FAILED: {
    status: 502,
    message: 'worker {worker} could not be {action}: {problem}',
    hint: 'see: rbee worker logs {worker}, or restart it with: rbee worker restart {worker}',
  },
  NO_READY_WORKER: {
    status: 503,
    message: 'no worker for the model {model} is ready: {reason}',
    hint: '{hint}',
  },
  WORKER_CONNECTION_LOST: {
    status: 502,
    message: 'lost the connection to worker {worker}: {problem}',
    hint: 'send the request again',
  },
  PATH_NOT_SERVED: { status: 404, message: 'model {model} does not serve {path}: {reason}', hint: '{hint}' },
  ID_NOT_FOUND: {
    status: 404,
    message: 'cannot tell which of the {count} workers that serve {path} created {id}',
    hint: 'ids are remembered for 30 days, until the queen restarts; with ?model= you can name a model that a single worker serves',
  },
} as const satisfies Entries;
