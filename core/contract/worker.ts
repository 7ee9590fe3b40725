/** Workers as data: what is asked for, and what is shown. */
import Type, { type Static } from 'typebox';
import { longestReference, modelComponents } from './models.ts';

export const workerId = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Id of a worker, such as llamacpp-k3f9',
});

/** A name under which a model is served: a part of URLs and of log lines. */
export const servedNamePattern = '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$';

/** What a user asks for when spawning a worker. What is absent is chosen by the hive and said. */
export const workerSpec = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 64, description: 'Worker type, such as llamacpp' }),
    variant: Type.Optional(
      Type.String({ maxLength: 64, description: 'Build of the type: cpu, cuda, rocm, vulkan, metal' }),
    ),
    device: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Device, such as cpu, cuda:0 or cuda:0,1; the best free one when absent',
      }),
    ),
    model: Type.Optional(
      Type.String({
        maxLength: longestReference,
        description: 'Model: hf:org/repo[:file-or-quantization][@revision], https://…, file:/path on the hive, or demo',
      }),
    ),
    components: Type.Optional(modelComponents),
    name: Type.Optional(
      Type.String({
        pattern: servedNamePattern,
        description: 'Name under which the model is served',
      }),
    ),
    id: Type.Optional(workerId),
    options: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "The type's own options" })),
    restart: Type.Optional(
      Type.Union([Type.Literal('never'), Type.Literal('on-failure'), Type.Literal('always')], {
        description: 'When the worker is started again by itself (on-failure)',
      }),
    ),
    memoryLimit: Type.Optional(
      Type.Integer({ minimum: 1048576, description: 'Bytes of main memory that the worker may use' }),
    ),
    cpuLimit: Type.Optional(
      Type.Number({ minimum: 0.01, maximum: 4096, description: 'CPU cores that the worker may use' }),
    ),
    declaration: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]{1,64}$',
        description: 'Fingerprint of the entry in hives.conf that declares the worker; set by a sync',
      }),
    ),
    force: Type.Optional(Type.Boolean({ description: 'Spawn although the memory estimate says that it will not fit' })),
  },
  { additionalProperties: false },
);
export type WorkerSpec = Static<typeof workerSpec>;

export const workerFailure = Type.Object({
  cause: Type.String(),
  message: Type.String(),
  hint: Type.String(),
  exitCode: Type.Union([Type.Integer(), Type.Null()]),
  signal: Type.Union([Type.String(), Type.Null()]),
  log: Type.Array(Type.String()),
  at: Type.String(),
});

/** A worker as users and programs see it. Times are ISO 8601, absent values null. */
export const workerView = Type.Object({
  id: workerId,
  type: Type.String(),
  variant: Type.String(),
  device: Type.String(),
  /** Name under which the model is served; null for a type that was started without one. */
  model: Type.Union([Type.String(), Type.Null()]),
  /** All served names; `model` is the first. */
  names: Type.Array(Type.String()),
  /** The reference that it was loaded from. */
  reference: Type.Union([Type.String(), Type.Null()]),
  /** What it can be asked for: chat, embedding, transcription, image, … */
  kinds: Type.Optional(Type.Array(Type.String())),
  state: Type.String(),
  /** How far loading is, 0 to 1. */
  progress: Type.Union([Type.Number(), Type.Null()]),
  pid: Type.Union([Type.Integer(), Type.Null()]),
  port: Type.Union([Type.Integer(), Type.Null()]),
  hive: Type.String(),
  /** Which program of the type runs: llama-server, builtin. */
  engine: Type.String(),
  plugin: Type.String(),
  pluginVersion: Type.String(),
  /** When the present process was started. */
  startedAt: Type.Union([Type.String(), Type.Null()]),
  readyAt: Type.Union([Type.String(), Type.Null()]),
  /** From the start of the process to readiness, in milliseconds. */
  readyMs: Type.Union([Type.Integer(), Type.Null()]),
  /** Restarts by itself since it was spawned. */
  restarts: Type.Integer(),
  /** Of these, those after its process was killed from outside. Absent where an older hive does not tell. */
  kills: Type.Optional(Type.Integer()),
  /** Requests that run and wait, as the engine tells; null where it does not. */
  running: Type.Union([Type.Integer(), Type.Null()]),
  waiting: Type.Union([Type.Integer(), Type.Null()]),
  failure: Type.Union([workerFailure, Type.Null()]),
  options: Type.Record(Type.String(), Type.Unknown()),
  /** Names of the options that were given; the others have their defaults. Absent where the hive does not tell. */
  givenOptions: Type.Optional(Type.Array(Type.String())),
  /** Fingerprint of the entry in `hives.conf` that declares it; null when it was spawned by hand. */
  declaration: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  logFile: Type.String(),
});
export type WorkerView = Static<typeof workerView>;
