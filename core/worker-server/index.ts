/**
 * The HTTP server for rbee workers written in Node.
 *
 * A worker's program calls `runWorkerServer` with its routes and a `load` function, and gets: a port that answers before
 * the model is loaded, health, models, metrics, an API key, OpenAI's errors, server-sent events, slots with a bounded
 * queue, a signal that aborts when the client disconnects, a drain on SIGTERM, and the ready callback to its hive. An adapter in
 * front of a foreign program starts the program with `startEngine`.
 */
export {
  numberBetween,
  oneOf,
  type ParsedArguments,
  parseArguments,
  required,
  usageError,
  wholeNumber,
} from './arguments.ts';
export { type EngineExit, type EngineOptions, type EngineProcess, startEngine } from './engine-process.ts';
export { ApiError, type ErrorBody, invalidRequest, StartError } from './errors.ts';
export { exitCodes } from './exit-codes.ts';
export { freePort } from './free-port.ts';
export type {
  EventStream,
  Gauge,
  LoadContext,
  RequestContext,
  Route,
  TokenCount,
  UpgradeRequest,
  UpgradeTarget,
  UploadedFile,
  WorkerRequest,
  WorkerServerOptions,
} from './options.ts';
export { type RawAnswer, type RawAnswerParts, rawAnswer } from './raw-answer.ts';
export { runWorkerServer } from './run.ts';
export { createWorkerServer, type WorkerServer } from './worker-server.ts';
