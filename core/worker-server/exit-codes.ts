/**
 * Exit codes of a worker's program that did not become ready, so that a plugin's failure rules can tell the cause. They
 * are those of sysexits(3) where one fits.
 */
export const exitCodes = {
  /** Stopped on request. */
  done: 0,
  /** Anything else, and a second signal while draining. */
  failed: 1,
  /** A wrong option or argument. */
  usage: 64,
  /** The model cannot be used: wrong format, truncated, unknown architecture. */
  badModel: 65,
  /** The model does not exist or cannot be read. */
  noModel: 66,
  /** The device, or the engine's library for it, is missing. */
  unavailable: 69,
  /** Not enough memory. */
  memory: 71,
  /** It cannot listen on the address. */
  port: 98,
  /** SIGTERM while loading. */
  stoppedWhileLoading: 143,
} as const;
