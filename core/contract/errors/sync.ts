/** Errors in hives.conf and in syncing machines with it. */
import type { Entries } from './entry.ts';

export const syncErrors = {
  NO_HIVES_CONF: {
    status: 404,
    message: 'there is no {file}',
    hint: 'create it with: rbee hive add ALIAS HOSTNAME, or rbee migrate; for its format: rbee docs hives',
  },
  HIVE_NOT_DECLARED: {
    status: 404,
    message: 'hives.conf does not declare a hive {hive}{near}',
    hint: 'declared hives: {known}',
  },
  DECLARATION_UNSATISFIABLE: { status: 422, message: '{file}:{line}: hive {hive}: {problem}', hint: '{hint}' },
  HIVE_ALREADY_DECLARED: {
    status: 409,
    message: 'hives.conf already declares a hive {hive}, on line {line}',
    hint: 'choose another alias, or remove that one first: rbee hive remove {hive}',
  },
  HIVES_CONF_UNEDITABLE: {
    status: 422,
    message: 'no command can edit {file}: {problem}',
    hint: 'nothing was changed; edit the file by hand',
  },
  REMOTE_HIVES_DISABLED: {
    status: 501,
    message: 'remote hives are disabled in this queen',
    hint: 'restart it with: rbee queen restart',
  },
  SYNC_REMOVAL_REFUSED: {
    status: 409,
    message: 'this would remove rbee and everything it runs from {hives}, which {file} does not declare',
    hint: 'nothing was done; declare it, leave out --remove-extra, or confirm the removal with --yes',
  },
  SYNC_LOCKED: {
    status: 409,
    message: 'hive {hive} has been locked by {owner} since {since}',
    hint: 'wait for that sync to end; if it is dead, add --take-over',
  },
  SYNC_LEASE_LOST: {
    status: 409,
    message: '{owner} took over hive {hive} during this sync',
    hint: 'find out who did that, then run: rbee sync --hive {hive}',
  },
  SYNC_INCOMPLETE: {
    status: 500,
    message: '{failed} of {total} hives failed to sync: {hives}',
    hint: 'fix the problems above, then run: {command}',
  },
  SYNC_FAILED: {
    status: 500,
    message: 'no hive could be synced: {hives}',
    hint: 'fix the problems above, then run: {command}',
  },
  SYNC_SKIPPED: {
    status: 424,
    message: '{what} was skipped: {because}',
    hint: 'it is done when you run: {command}',
  },
  SYNC_NOTHING_TO_RETRY: {
    status: 404,
    message: 'nothing failed in the last sync of {file}',
    hint: 'run: rbee sync',
  },
  SYNC_DRIFT: {
    status: 409,
    message: '{count} of {total} hives differ from {file}: {hives}',
    hint: 'see the differences with: rbee status --verbose; resolve them with: rbee sync',
  },
  SYNC_VERSION_CONFLICT: {
    status: 422,
    message: 'hive {hive}: {first} and {second} ask for different versions of the same package, {package}',
    hint: 'declare the same version for both',
  },
  WORKER_ID_TAKEN: {
    status: 409,
    message: 'hive {hive}: the id of the declared worker {worker} is taken by a worker that was spawned by hand',
    hint: 'delete that one with: rbee worker delete {worker}, change the id in hives.conf, or add --remove-extra',
  },
} as const satisfies Entries;
