/** Errors of the daemons: queen and hive. */
import type { Entries } from './entry.ts';

export const daemonErrors = {
  ALREADY_INSTALLED: { status: 409, message: '{name} is already installed', hint: 'uninstall it first, or restart it' },
  NOT_INSTALLED: { status: 404, message: '{name} is not installed', hint: 'install it first; installed: {known}' },
  STILL_RUNNING: { status: 409, message: '{name} is still running (pid {pid})', hint: 'stop it first' },
  START_FAILED: { status: 500, message: '{name} did not start: {problem}', hint: '{hint}' },
  STOP_FAILED: {
    status: 500,
    message: '{name} (pid {pid}) did not stop: {problem}',
    hint: 'look at the process with: ps -fp {pid}',
  },
  PID_FILE_INVALID: {
    status: 500,
    message: 'cannot use the PID file {path}: {problem}',
    hint: 'if that daemon is not running, remove the file and try again',
  },
  PROCESS_NOT_FOUND: { status: 404, message: 'process {pid} of {name} no longer exists', hint: 'run: rbee status' },
  PERMISSION_DENIED: { status: 403, message: 'not allowed to {action} {name}', hint: 'run as the user who started it' },
  TIMEOUT: { status: 504, message: '{what} took longer than {limit}', hint: '{hint}' },
  QUEEN_NOT_RUNNING: { status: 503, message: 'the queen is not running', hint: 'start it with: rbee queen start' },
  QUEEN_UNREACHABLE: { status: 503, message: 'the queen at {url} cannot be used: {problem}', hint: '{hint}' },
  QUEEN_ELSEWHERE: {
    status: 400,
    message: '{command} works on this machine, but RBEE_QUEEN names the queen at {url}',
    hint: 'run it on that machine, or unset RBEE_QUEEN',
  },
  QUEEN_START_FAILED: {
    status: 500,
    message: 'the queen did not start: {problem}',
    hint: 'look at {log}, and run: rbee doctor',
  },
  QUEEN_RESTARTED: {
    status: 503,
    message: 'the queen was restarted while job {job} was running',
    hint: 'run the command again',
  },
  QUEEN_STOPPED: { status: 503, message: 'the queen stopped in the middle of {what}', hint: '{hint}' },
  QUEEN_BUSY: { status: 503, message: 'another queen is using {path}', hint: 'stop it with: rbee queen stop' },
  HIVE_BUSY: { status: 503, message: 'another hive is using {path}', hint: 'stop it with: rbee hive stop' },
  HIVE_NOT_FOUND: { status: 404, message: 'there is no hive {hive}', hint: 'known hives: {known}' },
  HIVE_NOT_RUNNING: {
    status: 503,
    message: 'hive {hive} is not running',
    hint: 'start it with: rbee hive start {hive}',
  },
  HIVE_UNREACHABLE: {
    status: 503,
    message: 'hive {hive} does not answer: {problem}',
    hint: 'run: rbee hive status {hive}',
  },
  HIVE_PROTOCOL_ERROR: {
    status: 502,
    message: 'hive {hive} sent an invalid answer: {problem}',
    hint: 'its machine may be damaged or compromised: check it, then run: rbee hive restart {hive}',
  },
  HIVE_OUTDATED: {
    status: 409,
    message: 'hive {hive} runs an older rbee, which cannot {action}',
    hint: 'update it with: {command}; its workers keep running',
  },
  HIVE_ATTACHED: {
    status: 409,
    message: 'hive {hive} runs inside the queen and cannot be {action} separately',
    hint: 'use rbee queen {command}, or set mode = "standalone" under [queen] in rbee.conf',
  },
  VERSION_MISMATCH: {
    status: 409,
    message: '{name} runs version {theirs}, but this is version {ours}',
    hint: 'restart it with: {command}',
  },
  PORT_TAKEN: {
    status: 409,
    message: 'port {port} is already in use',
    hint: 'choose another port in rbee.conf (listen under [gateway], or port under [queen])',
  },
  TLS_FILES_INVALID: {
    status: 422,
    message: 'cannot use {path} for TLS: {problem}',
    hint: 'check tls_cert and tls_key under [gateway] in rbee.conf: both are PEM files, and belong together',
  },
  HIVE_PORT_TAKEN: {
    status: 409,
    message: 'port {port}, which the hive should listen on, is already in use',
    hint: 'choose another one with hive_port in hives.conf',
  },
  NO_FREE_PORT: {
    status: 503,
    message: 'no free port is left in {range}',
    hint: 'stop a worker, or widen [hive] worker_ports in rbee.conf',
  },
  SYSTEMD_UNAVAILABLE: {
    status: 501,
    message: 'systemd user services are not available here: {problem}',
    hint: 'start {name} at login by other means, or run this on a machine with systemd',
  },
} as const satisfies Entries;
