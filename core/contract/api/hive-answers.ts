/**
 * What the queen accepts from a hive, as schemas. A hive runs on another machine, which may be broken or taken over: its
 * answers are checked against these before any other code sees them.
 *
 * Fields that are not listed are dropped. A field that an older hive does not send must be optional here.
 */
import Type from 'typebox';
import {
  absolutePath,
  affinityBounds,
  bytes,
  count,
  idName,
  lineOf,
  mediaType,
  nameOf,
  optionValues,
  pid,
  textOf,
  time,
  version,
} from '../bounds.ts';
import { variablePattern } from '../secret-reference.ts';
import { servedNamePattern, workerId, workerSpec, workerView } from '../worker.ts';

const optional = Type.Optional;
const orNull = (schema: Type.TSchema) => Type.Union([schema, Type.Null()]);

const instance = Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' });

export const healthBody = Type.Object({
  status: Type.Literal('ok'),
  name: nameOf(32),
  version,
  pid,
  instance,
  startedAt: time,
});

const path = Type.String({ maxLength: 256, pattern: '^/[!-~]*$' });
const httpMethod = Type.Enum(['GET', 'POST', 'PUT', 'DELETE']);

const servedPath = Type.Object({
  path,
  method: optional(Type.Union([httpMethod, Type.Literal('any'), Type.Array(httpMethod, { minItems: 1, maxItems: 4 })])),
  kind: nameOf(32),
  accepts: optional(Type.Array(Type.String({ maxLength: 128, pattern: mediaType }), { minItems: 1, maxItems: 32 })),
  affinity: optional(Type.Record(Type.String({ pattern: idName }), Type.String({ maxLength: 128 }), affinityBounds)),
});

const spec = Type.Object({
  ...workerSpec.properties,
  name: optional(Type.String({ pattern: servedNamePattern })),
  options: optional(optionValues),
});

export const hiveWorker = Type.Object({
  ...workerView.properties,
  uid: optional(nameOf(64)),
  apiKey: Type.String({ maxLength: 512, pattern: '^[!-~]*$' }),
  serves: Type.Array(servedPath, { maxItems: 256 }),
  unserved: optional(Type.Array(Type.Object({ path, hint: textOf(1_024) }), { maxItems: 256 })),
  closesOnlyWhenIdle: Type.Boolean(),
  spec: optional(spec),
  suspect: optional(Type.Boolean()),
});

export const deviceFacts = Type.Object({
  id: Type.String({ maxLength: 64, pattern: '^[a-z][a-z0-9-]*(:[0-9]{1,4})?$' }),
  kind: Type.String({ maxLength: 32, pattern: '^[a-z][a-z0-9-]*$' }),
  name: textOf(256),
  memory: optional(Type.Object({ total: bytes, free: bytes })),
  uuid: optional(textOf(128)),
  busId: optional(textOf(128)),
  utilization: optional(Type.Number({ minimum: 0, maximum: 1 })),
  driver: optional(textOf(128)),
  computeCapability: optional(textOf(64)),
  fault: optional(textOf(4_096)),
});
const devices = Type.Array(deviceFacts, { maxItems: 512 });
const memory = Type.Object({ total: bytes, available: bytes });
const cpu = Type.Object({ model: textOf(256), cores: count });

/** A linked folder may lack both; its name is then the folder's path. */
const packageName = textOf(4_096);
const packageVersion = textOf(128);

export const catalogEntry = Type.Object({
  type: lineOf(64, 1),
  aliases: Type.Array(nameOf(64), { maxItems: 64 }),
  plugin: packageName,
  version: packageVersion,
  summary: textOf(1_024),
  serves: Type.Array(Type.String({ maxLength: 256, pattern: '^/[!-~]*$' }), { maxItems: 256 }),
  variants: Type.Array(nameOf(64), { maxItems: 128 }),
  installed: Type.Array(nameOf(64), { maxItems: 128 }),
  integrity: optional(orNull(lineOf(256))),
  source: Type.Enum(['development', 'link', 'installed']),
  fault: optional(textOf(4_096)),
});
export const catalog = Type.Array(catalogEntry, { maxItems: 1_000 });

export const hiveState = Type.Object({
  machineId: lineOf(128),
  hostname: textOf(256),
  version,
  build: optional(orNull(version)),
  pid,
  instance,
  startedAt: time,
  devices,
  memory,
  cpu,
  catalog,
  workers: Type.Array(hiveWorker, { maxItems: 1_000 }),
});

/** By kind. */
export const heartbeats = {
  state: Type.Object({ kind: Type.Literal('state'), revision: count, state: hiveState }),
  tick: Type.Object({ kind: Type.Literal('tick'), revision: count }),
};

const platform = Type.Object({
  os: nameOf(32),
  cpu: nameOf(32),
  libc: optional(Type.Enum(['glibc', 'musl'])),
});

export const hiveDevices = Type.Object({
  devices,
  host: Type.Object({
    platform,
    libcVersion: optional(version),
    cpu,
    memory,
    cudaDriver: optional(version),
  }),
  notes: Type.Array(textOf(4_096), { maxItems: 1_000 }),
});

const stepId = textOf(512);
const quantity = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Narration that a hive may send, by kind. Questions, plans and generated text come only from the queen. */
export const narrations = {
  step: Type.Object({ kind: Type.Literal('step'), id: stepId, text: textOf(4_096), on: optional(textOf(256)) }),
  progress: Type.Object({
    kind: Type.Literal('progress'),
    id: stepId,
    done: quantity,
    total: optional(quantity),
    unit: optional(textOf(64)),
    text: optional(textOf(4_096)),
  }),
  done: Type.Object({
    kind: Type.Literal('done'),
    id: stepId,
    text: optional(textOf(4_096)),
    ms: optional(quantity),
    failed: optional(Type.Boolean()),
  }),
  info: Type.Object({ kind: Type.Literal('info'), text: textOf(4_096), on: optional(textOf(256)) }),
  warning: Type.Object({
    kind: Type.Literal('warning'),
    text: textOf(4_096),
    hint: optional(textOf(4_096)),
    on: optional(textOf(256)),
  }),
};

/** The wire form of an error. The code may be one that only newer versions define. */
export const errorBody = Type.Object({
  code: Type.String({ pattern: '^[A-Z][A-Z0-9_]{1,63}$' }),
  message: textOf(16_384),
  hint: textOf(16_384),
  lines: optional(Type.Array(textOf(16_384), { maxItems: 200 })),
});

const changed = Type.Boolean();

const pluginView = Type.Object({
  name: packageName,
  version: packageVersion,
  source: Type.Enum(['installed', 'link']),
  types: Type.Array(nameOf(64), { maxItems: 64 }),
  variants: Type.Array(nameOf(64), { maxItems: 128 }),
  installed: Type.Array(nameOf(64), { maxItems: 128 }),
  scripts: Type.Optional(Type.Array(nameOf(64), { maxItems: 128 })),
  root: absolutePath,
  integrity: orNull(lineOf(256)),
  publisher: orNull(textOf(512)),
  registry: orNull(textOf(4_096)),
  follows: orNull(lineOf(256)),
  previous: orNull(packageVersion),
  changed,
});

const served = Type.Array(Type.String({ maxLength: 256, pattern: '^/[!-~]*$' }), { maxItems: 256 });

const pluginDetails = Type.Object({
  name: packageName,
  version: packageVersion,
  description: textOf(4_096),
  license: orNull(textOf(256)),
  publisher: orNull(textOf(512)),
  registry: orNull(textOf(4_096)),
  integrity: orNull(lineOf(256)),
  signature: textOf(4_096),
  source: orNull(Type.Enum(['installed', 'link', 'development'])),
  root: orNull(absolutePath),
  types: Type.Array(
    Type.Object({
      type: nameOf(64),
      aliases: Type.Array(nameOf(64), { maxItems: 64 }),
      summary: textOf(1_024),
      serves: served,
      variants: Type.Array(
        Type.Object({
          id: nameOf(64),
          installed: Type.Boolean(),
          fits: orNull(Type.Boolean()),
          reasons: Type.Array(textOf(4_096), { maxItems: 64 }),
        }),
        { maxItems: 128 },
      ),
      options: orNull(
        Type.Array(
          Type.Object({
            name: nameOf(64),
            type: nameOf(32),
            default: optional(
              Type.Union([
                textOf(16_384),
                Type.Number(),
                Type.Boolean(),
                Type.Null(),
                Type.Array(textOf(16_384), { maxItems: 1_000 }),
              ]),
            ),
            description: textOf(4_096),
          }),
          { maxItems: 500 },
        ),
      ),
      environment: optional(Type.Array(Type.String({ pattern: variablePattern }), { maxItems: 256 })),
    }),
    { maxItems: 64 },
  ),
});

const pluginHit = Type.Object({
  name: packageName,
  version: packageVersion,
  description: textOf(4_096),
  license: orNull(textOf(256)),
  publisher: textOf(512),
  types: Type.Array(
    Type.Object({ type: nameOf(64), variants: Type.Array(nameOf(64), { maxItems: 128 }), serves: served }),
    {
      maxItems: 64,
    },
  ),
});

/** Results of `POST /v1/plugins/{action}`. */
export const pluginAnswers = {
  install: pluginView,
  uninstall: pluginView,
  update: Type.Object({
    updates: Type.Array(
      Type.Object({
        name: textOf(4_096),
        from: textOf(256),
        to: textOf(256),
        changed,
        note: optional(textOf(16_384)),
        failed: optional(Type.Boolean()),
      }),
      { maxItems: 1_000 },
    ),
  }),
  link: pluginView,
  inspect: pluginDetails,
  search: Type.Object({ plugins: Type.Array(pluginHit, { maxItems: 5_000 }) }),
  prune: Type.Object({
    removed: Type.Array(textOf(4_096), { maxItems: 10_000 }),
    programs: Type.Array(textOf(4_096), { maxItems: 10_000 }),
    downloads: Type.Array(textOf(4_096), { maxItems: 10_000 }),
    bytes,
  }),
  list: Type.Object({ plugins: Type.Array(pluginView, { maxItems: 1_000 }) }),
  import: pluginView,
  prepare: Type.Object({ type: nameOf(64), variant: nameOf(64), source: nameOf(64), program: absolutePath }),
};

/** What a hive is missing, by kind. */
export const hiveNeeds = {
  plugin: Type.Object({
    kind: Type.Literal('plugin'),
    plugin: lineOf(4_096, 1),
    publisher: optional(
      Type.Object({
        identity: lineOf(1_024),
        package: lineOf(512),
        publisher: textOf(512),
        about: Type.Array(textOf(1_024), { maxItems: 32 }),
      }),
    ),
  }),
  variant: Type.Object({ kind: Type.Literal('variant'), plugin: lineOf(4_096, 1), variant: nameOf(64) }),
  program: Type.Object({
    kind: Type.Literal('program'),
    plugin: lineOf(4_096, 1),
    type: nameOf(64),
    variant: nameOf(64),
    format: optional(nameOf(64)),
    sources: Type.Array(nameOf(64), { maxItems: 100 }),
  }),
  models: Type.Object({ kind: Type.Literal('models'), models: Type.Array(nameOf(64), { maxItems: 1_000 }) }),
};

const commit = orNull(Type.String({ pattern: '^[A-Za-z0-9._-]{1,128}$' }));

const modelView = Type.Object({
  hive: lineOf(63),
  model: lineOf(4_096, 1),
  name: lineOf(256),
  source: Type.Enum(['hf', 'https', 'file']),
  commit,
  format: orNull(nameOf(64)),
  bytes,
  wantedBytes: bytes,
  complete: Type.Boolean(),
  begunBytes: bytes,
  downloading: Type.Boolean(),
  path: orNull(absolutePath),
  gguf: orNull(
    Type.Object({
      architecture: orNull(textOf(256)),
      parameters: orNull(Type.Number({ minimum: 0 })),
      contextLength: orNull(Type.Number({ minimum: 0 })),
      quantization: orNull(textOf(256)),
      chatTemplate: Type.Boolean(),
    }),
  ),
  workers: Type.Array(workerId, { maxItems: 1_000 }),
  addedAt: orNull(time),
  changed,
});

const modelDetails = Type.Object({
  ...modelView.properties,
  files: Type.Array(Type.Object({ path: textOf(4_096), bytes, sha256: orNull(lineOf(128)) }), { maxItems: 50_000 }),
});

/** Results of `POST /v1/models/{action}`, and of the GETs. */
export const modelAnswers = {
  download: modelDetails,
  offer: Type.Object({
    files: Type.Array(Type.Object({ path: textOf(4_096) }), { maxItems: 50_000 }),
  }),
  list: Type.Object({ models: Type.Array(modelView, { maxItems: 10_000 }) }),
  get: modelDetails,
  delete: modelView,
  verify: Type.Object({
    models: Type.Array(
      Type.Object({
        model: textOf(4_096),
        files: count,
        bytes,
        problems: Type.Array(Type.Object({ path: textOf(4_096), problem: textOf(4_096) }), { maxItems: 50_000 }),
      }),
      { maxItems: 10_000 },
    ),
  }),
  gc: Type.Object({
    removed: Type.Array(Type.Object({ path: textOf(4_096), bytes, why: textOf(4_096) }), { maxItems: 50_000 }),
    bytes,
  }),
};
