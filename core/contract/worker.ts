/** Workers as data: requests and views. */
import Type, { type Static, type TSchema } from 'typebox';
import { abilityValues, absolutePath, count, lineOf, nameOf, optionValues, pid, port, textOf, time } from './bounds.ts';
import { maxReferenceLength, modelComponents } from './models.ts';
import { variablePattern } from './secret-reference.ts';

export const workerId = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Id of a worker, such as llamacpp-k3f9',
});

/** A name under which a model is served. Part of URLs and log lines. */
export const servedNamePattern = '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$';

/** A request to spawn a worker. The hive chooses what is absent and reports its choice. */
export const workerSpec = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 64, description: 'Worker type, such as llamacpp' }),
    variant: Type.Optional(
      Type.String({ maxLength: 64, description: 'Build of the type: cpu, cuda, rocm, vulkan, metal' }),
    ),
    device: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Device, such as cpu, cuda:0 or cuda:0,1; default: the best free one',
      }),
    ),
    model: Type.Optional(
      Type.String({
        maxLength: maxReferenceLength,
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
    environment: Type.Optional(
      Type.Record(Type.String({ pattern: variablePattern }), Type.String({ maxLength: 16_384 }), {
        maxProperties: 256,
        description: 'Environment variables for the engine, of those that its type allows; a value may be secret:NAME',
      }),
    ),
    restart: Type.Optional(
      Type.Union([Type.Literal('never'), Type.Literal('on-failure'), Type.Literal('always')], {
        description: 'When the worker is restarted automatically; default: on-failure',
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
    force: Type.Optional(Type.Boolean({ description: 'Spawn even if the memory estimate says that it will not fit' })),
  },
  { additionalProperties: false },
);
export type WorkerSpec = Static<typeof workerSpec>;

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const workerFailure = Type.Object({
  cause: nameOf(64),
  message: textOf(4_096),
  hint: textOf(4_096),
  exitCode: orNull(Type.Integer()),
  signal: orNull(nameOf(32)),
  log: Type.Array(textOf(16_384), { maxItems: 200 }),
  at: time,
});

/** A worker as users and programs see it. Times are ISO 8601, absent values null. */
export const workerView = Type.Object({
  id: workerId,
  type: nameOf(64),
  variant: nameOf(64),
  device: Type.String({ maxLength: 128, pattern: '^[a-z][a-z0-9-]*(:[0-9,]+)?$' }),
  /** Name under which the model is served; null for a worker without a model. */
  model: orNull(lineOf(256)),
  /** All served names; `model` is the first. */
  names: Type.Array(lineOf(256, 1), { maxItems: 1_000 }),
  /** The reference of the model that it loaded. */
  reference: orNull(lineOf(maxReferenceLength)),
  /** Kinds of request that it serves: chat, embedding, transcription, image, … */
  kinds: Type.Optional(Type.Array(nameOf(32), { maxItems: 64 })),
  state: Type.Enum([
    'starting',
    'loading',
    'ready',
    'sleeping',
    'draining',
    'stopping',
    'stopped',
    'failed',
    'unhealthy',
    'lost',
  ]),
  /** Loading progress, 0 to 1. */
  progress: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  pid: orNull(pid),
  port: orNull(port),
  hive: lineOf(63),
  /** The program that runs it: llama-server, builtin. */
  engine: nameOf(64),
  plugin: lineOf(4_096),
  pluginVersion: lineOf(128),
  /** When its current process was started. */
  startedAt: orNull(time),
  readyAt: orNull(time),
  /** From the start of the process to readiness, in milliseconds. */
  readyMs: orNull(Type.Integer()),
  /** Automatic restarts since it was spawned. */
  restarts: count,
  /** Of these, restarts after its process was killed from outside. Absent from older hives. */
  kills: Type.Optional(count),
  /** Running and waiting requests, as the engine reports them; null if it does not. */
  running: orNull(Type.Number({ minimum: 0 })),
  waiting: orNull(Type.Number({ minimum: 0 })),
  failure: orNull(workerFailure),
  /** Number of requests that it processes concurrently. Absent if its type does not say, and from older hives. */
  slots: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  /**
   * What its model can do: vision, tools, contextLength, dimensions, … Absent if its type does not say, and from older
   * hives.
   */
  abilities: Type.Optional(abilityValues),
  /** Paths that it serves, with their methods: `POST /v1/chat/completions`. */
  paths: Type.Optional(Type.Array(lineOf(300), { maxItems: 256 })),
  options: optionValues,
  /** Names of the options that were set; all others have their defaults. Absent from older hives. */
  givenOptions: Type.Optional(Type.Array(nameOf(64), { maxItems: 500 })),
  /** Fingerprint of its entry in `hives.conf`; null if it was spawned by hand. */
  declaration: Type.Optional(orNull(nameOf(64))),
  logFile: absolutePath,
});
export type WorkerView = Static<typeof workerView>;
