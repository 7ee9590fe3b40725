/**
 * How a worker's program ends when it did not become ready, in the numbers of sysexits(3) where there is one, so that a
 * plugin's failure rules know the cause by the code.
 */
export const exitCodes = {
  /** Asked to stop, and stopped. */
  done: 0,
  /** Anything else, and a second signal while draining. */
  failed: 1,
  /** A wrong option or argument. */
  usage: 64,
  /** The model cannot be used: wrong format, cut off, unknown architecture. */
  badModel: 65,
  /** There is no such model, or it cannot be read. */
  noModel: 66,
  /** The device, or the engine's library for it, is not there. */
  unavailable: 69,
  /** Not enough memory. */
  memory: 71,
  /** The address cannot be listened on. */
  port: 98,
  /** SIGTERM while loading. */
  stoppedWhileLoading: 143,
} as const;
