/** Errors in using the command line and the API. */
import type { Entries } from './entry.ts';

export const inputErrors = {
  USAGE: { status: 400, message: '{problem}', hint: 'see: {help}' },
  FILE_UNREADABLE: {
    status: 400,
    message: 'cannot read the file {path}: {problem}',
    hint: 'check the path and the permissions of the file',
  },
  FILE_TOO_LARGE: {
    status: 413,
    message: '{path} is larger than {limit}, the limit for one request',
    hint: 'send a smaller file: compress a recording to MP3 or Opus, or split it',
  },
  FILE_UNWRITABLE: {
    status: 422,
    message: 'cannot write the file {path}: {problem}',
    hint: 'choose another path with --output',
  },
  FILE_EXISTS: {
    status: 409,
    message: 'the file {path} already exists',
    hint: 'choose another path, or overwrite it with --force',
  },
  INVALID_INPUT: { status: 400, message: '{what} is not valid: {problem}', hint: '{hint}' },
  UNKNOWN_OPERATION: { status: 404, message: 'there is no operation {operation}', hint: 'known operations: {known}' },
  NOT_FOUND: {
    status: 404,
    message: 'there is nothing at {method} {path}',
    hint: 'see the API page of the documentation',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    message: '{path} does not allow {method}',
    hint: 'allowed methods: {allowed}',
  },
  BODY_TOO_LARGE: { status: 413, message: 'the request body is larger than {limit}', hint: '{hint}' },
  BODY_TOO_SLOW: {
    status: 408,
    message: 'the request body arrived too slowly: {received} in {time}',
    hint: 'send it again over a faster connection, or send less',
  },
  FORBIDDEN_ORIGIN: {
    status: 403,
    message: 'requests with {header} "{value}" are refused',
    hint: '{hint}',
  },
  UNSUPPORTED_CONTENT_TYPE: {
    status: 415,
    message: '{path} does not accept content type "{type}"',
    hint: 'send the body as {accepted}',
  },
  UNSUPPORTED_ENCODING: {
    status: 415,
    message: 'the content encoding "{encoding}" of the request body is not supported',
    hint: 'send the body uncompressed, or compressed with one of: {accepted}',
  },
  INTERNAL: {
    status: 500,
    message: 'internal error in {part}: {problem}',
    hint: 'see {log}, and run: rbee doctor',
  },
  CANCELLED: { status: 499, message: '{what} was cancelled', hint: 'run the command again to start over' },
} as const satisfies Entries;
