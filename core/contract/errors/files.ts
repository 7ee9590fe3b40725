/** Errors in configuration files and in rbee's state folders. */
import type { Entries } from './entry.ts';

export const fileErrors = {
  CONFIG_INVALID: { status: 400, message: '{file}:{line}:{column}: {problem}', hint: '{hint}' },
  CONFIG_REFUSED: { status: 400, message: 'nothing was stopped or changed: {problem}', hint: '{hint}' },
  FOLDER_NOT_EMPTY: {
    status: 409,
    message: 'the folder {folder} is not empty',
    hint: 'choose another one with --folder',
  },
  STATE_UNWRITABLE: {
    status: 500,
    message: 'cannot write {path}: {problem}',
    hint: "free some space, fix the folder's permissions, or set RBEE_HOME to another folder",
  },
  FOLDER_NOT_PRIVATE: { status: 403, message: 'the folder {path} cannot be trusted: {problem}', hint: '{fix}' },
  FILE_NOT_PRIVATE: { status: 403, message: 'the file {path} cannot be trusted: {problem}', hint: '{fix}' },
  SOCKET_NOT_PRIVATE: { status: 403, message: 'the socket {path} cannot be trusted: {problem}', hint: '{fix}' },
  PATH_REFUSED: {
    status: 400,
    message: '{path} is not a safe path inside {folder}: {problem}',
    hint: 'if an archive, a plugin or another machine supplied this name, do not use it, and report it to its author',
  },
  NO_HOME: {
    status: 500,
    message: 'this user has no home folder',
    hint: 'set RBEE_HOME to a folder that you can write to',
  },
  RBEE_HOME_INVALID: {
    status: 500,
    message: 'RBEE_HOME is "{value}", which is not an absolute path',
    hint: 'set it to a path that begins with / or ~/',
  },
} as const satisfies Entries;
