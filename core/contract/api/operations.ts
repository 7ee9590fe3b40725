/**
 * The operations: everything that a user can ask the queen to do, one entry each. Validation, types, the API page and
 * the `POST /v1/jobs` route all derive from this table. An operation runs as a job; reads also have a plain GET.
 */
import Type, { type Static, type TObject } from 'typebox';
import { modelRequests } from '../models.ts';
import { pluginRequests } from '../plugins.ts';
import { maxSecretBytes, secretName } from '../secret-reference.ts';
import { workerId, workerSpec } from '../worker.ts';
import { auditRequest, keyRequests, type Scope } from './access.ts';

const hive = Type.String({ minLength: 1, maxLength: 63, description: 'Alias of a hive' });
const strict = { additionalProperties: false } as const;
const now = Type.Optional(Type.Boolean({ description: 'Do not wait for running requests' }));

const ask = Type.Optional(
  Type.Boolean({
    description:
      'Whether to ask about an unknown publisher instead of refusing it (default: yes for install, no for spawn)',
  }),
);
/** SSH options of the client that sends the request. */
const ssh = {
  agent: Type.Optional(
    Type.String({
      pattern: '^/',
      maxLength: 4096,
      description: 'Socket of the SSH agent to use (SSH_AUTH_SOCK)',
    }),
  ),
  acceptNewHostKeys: Type.Optional(
    Type.Boolean({ description: 'Trust the host keys of new machines; changed host keys are still refused' }),
  ),
};
const config = Type.Optional(
  Type.String({
    pattern: '^/',
    maxLength: 4096,
    description: 'Path of hives.conf; default: the one in the configuration folder',
  }),
);
const hives = Type.Optional(
  Type.Array(hive, { minItems: 1, maxItems: 10_000, description: 'Only these hives; default: all in hives.conf' }),
);
const takeOver = Type.Optional(
  Type.Boolean({ description: 'Take over from another sync that has locked the machine' }),
);
const parallel = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 1_000, description: 'Number of steps to run at once; default: from rbee.conf' }),
);
const dryRun = Type.Optional(Type.Boolean({ description: 'Only return the plan' }));
const offline = Type.Optional(Type.Boolean({ description: 'Use only what is already downloaded' }));

const installing = {
  hives,
  config,
  dryRun,
  force: Type.Optional(Type.Boolean({ description: 'Reinstall hives and worker types' })),
  retryFailed: Type.Optional(Type.Boolean({ description: 'Retry only what failed or was not done last time' })),
  update: Type.Optional(
    Type.Boolean({ description: 'Ignore the versions in rbee.lock, and resolve the declared ones again' }),
  ),
  parallel,
  takeOver,
  offline,
  yes: Type.Optional(
    Type.Boolean({
      description:
        'Trust unknown publishers and remove rbee from machines without asking; host keys are still asked about',
    }),
  ),
  ...ssh,
};

const onHive = { hive: Type.Optional(hive) };
/** A worker: ids are unique within a hive, but two hives may use the same one. */
const ofWorker = {
  worker: workerId,
  hive: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 63,
      description: 'Its hive; needed if several hives have a worker with this id',
    }),
  ),
};

export const inferInput = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 4096, description: 'Name of a served model, or a model reference' }),
    prompt: Type.String({ minLength: 1, description: 'The prompt' }),
    system: Type.Optional(Type.String({ description: 'System message' })),
    maxTokens: Type.Optional(Type.Integer({ minimum: 1, description: 'Maximum number of tokens to generate' })),
    temperature: Type.Optional(
      Type.Number({ minimum: 0, maximum: 2, description: 'Randomness; 0 always picks the likeliest token' }),
    ),
    topP: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Nucleus sampling' })),
    seed: Type.Optional(Type.Integer({ minimum: 0, description: 'The same seed gives the same answer' })),
    stop: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { maxItems: 4, description: 'Texts that end the answer' }),
    ),
    type: Type.Optional(Type.String({ description: 'Worker type to spawn if no worker serves the model' })),
    device: Type.Optional(Type.String({ description: 'Device to spawn on if no worker serves the model' })),
  },
  strict,
);

export const modelLoadInput = Type.Object(
  {
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'Name of a served model, or a model reference; default: the only served model of this kind',
      }),
    ),
    kind: Type.Union(
      [
        Type.Literal('chat'),
        Type.Literal('completion'),
        Type.Literal('embedding'),
        Type.Literal('rerank'),
        Type.Literal('transcription'),
        Type.Literal('translation'),
        Type.Literal('speech'),
        Type.Literal('image'),
      ],
      { description: 'What the model is needed for' },
    ),
    type: Type.Optional(Type.String({ description: 'Worker type to spawn if no worker serves the model' })),
    device: Type.Optional(Type.String({ description: 'Device to spawn on if no worker serves the model' })),
  },
  strict,
);

/** Where to send requests for the model. */
export interface ModelLoadResult {
  /** Name to use as `model` in requests. */
  model: string;
  /** HTTP path that a ready worker answers for this kind. */
  path: string;
  worker: string;
}

/** Fields that `ssh` and `config` add. */
const sshFields = ['agent', 'acceptNewHostKeys', 'config'] as const;

/** Result of `infer`; the text itself is sent before it, as `text` events. */
export interface InferResult {
  model: string;
  worker: string;
  text: string;
  finishReason: string | null;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
  /** Milliseconds since the request was sent. */
  firstTokenMs: number | null;
  totalMs: number;
  /** Generated tokens per second after the first. */
  tokensPerSecond: number | null;
}

interface Operation {
  readonly summary: string;
  /** `read` changes nothing. */
  readonly kind: 'read' | 'change';
  readonly input: TObject;
  /** What a key needs to ask for it. */
  readonly scope: Scope;
  /** Fields that only `admin` may give: they name a path, a program or an address. */
  readonly adminFields?: readonly string[];
  /** Fields with options, whose values only `admin` may choose freely: a text may name a path or an address. */
  readonly plainFields?: readonly string[];
  /** Input fields that are never stored, neither in the job nor on disk. */
  readonly unkept?: readonly string[];
}

export const operations = {
  status: { summary: 'The fleet at a glance', kind: 'read', scope: 'operate', input: Type.Object({}, strict) },
  package_sync: {
    summary: 'Bring all machines in line with hives.conf',
    kind: 'change',
    scope: 'admin',
    input: Type.Object(
      {
        ...installing,
        removeExtra: Type.Optional(
          Type.Boolean({ description: 'Also remove hives, worker types and workers that are not declared' }),
        ),
      },
      strict,
    ),
  },
  package_install: {
    summary: 'Install and start what is missing from hives.conf; removes nothing',
    kind: 'change',
    scope: 'admin',
    input: Type.Object(installing, strict),
  },
  package_status: {
    summary: 'Show how the fleet differs from hives.conf',
    kind: 'read',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object({ hives, config, ...ssh }, strict),
  },
  package_uninstall: {
    summary: 'Uninstall rbee from machines: stops their workers and removes the hive',
    kind: 'change',
    scope: 'admin',
    input: Type.Object(
      {
        hives,
        config,
        purge: Type.Optional(Type.Boolean({ description: 'Also remove models, plugins, logs and settings' })),
        dryRun,
        parallel,
        takeOver,
        ...ssh,
      },
      strict,
    ),
  },
  package_validate: {
    summary: 'Check hives.conf: syntax, names and versions, and that the machines can be reached',
    kind: 'read',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object(
      {
        hives,
        config,
        offline: Type.Optional(Type.Boolean({ description: 'Check only what needs no network' })),
        ...ssh,
      },
      strict,
    ),
  },
  package_migrate: {
    summary: 'Write a hives.conf that describes the current fleet',
    kind: 'read',
    scope: 'admin',
    input: Type.Object({ hives, ...ssh }, strict),
  },
  infer: {
    summary: 'Send a prompt to a model, spawning a worker if none serves it',
    kind: 'change',
    scope: 'operate',
    input: inferInput,
  },
  model_load: {
    summary: 'Make sure that a ready worker serves a model, spawning one if none does',
    kind: 'change',
    scope: 'operate',
    input: modelLoadInput,
  },
  model_unload: {
    summary: 'Stop all workers that serve a model, or put them to sleep',
    kind: 'change',
    scope: 'operate',
    input: Type.Object(
      {
        model: Type.String({ minLength: 1, maxLength: 4096, description: 'Name of a served model' }),
        sleep: Type.Optional(
          Type.Boolean({
            description: 'Put workers that support it to sleep, so that they are ready again sooner; stop the others',
          }),
        ),
        now,
      },
      strict,
    ),
  },
  model_download: {
    summary: 'Download a model to a hive, or its missing files',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ ...modelRequests.download.properties, ...onHive }, strict),
  },
  model_list: {
    summary: 'Models on hives',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ ...modelRequests.list.properties, ...onHive }, strict),
  },
  model_get: {
    summary: 'One model of a hive, with its files',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ ...modelRequests.get.properties, ...onHive }, strict),
  },
  model_delete: {
    summary: 'Remove a model that no worker uses',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...modelRequests.delete.properties, ...onHive }, strict),
  },
  model_verify: {
    summary: 'Verify the checksums of the files of models',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...modelRequests.verify.properties, ...onHive }, strict),
  },
  model_gc: {
    summary: 'Remove files that no model needs, and downloads that stopped over a week ago',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...modelRequests.gc.properties, ...onHive }, strict),
  },
  queen_status: { summary: 'The queen itself', kind: 'read', scope: 'operate', input: Type.Object({}, strict) },
  hive_list: { summary: 'All hives', kind: 'read', scope: 'operate', input: Type.Object({}, strict) },
  hive_get: { summary: 'One hive', kind: 'read', scope: 'operate', input: Type.Object({ hive }, strict) },
  hive_status: {
    summary: 'Whether a hive is online, and since when',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ hive }, strict),
  },
  hive_start: {
    summary: 'Start a hive',
    kind: 'change',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object({ hive, ...ssh }, strict),
  },
  hive_stop: {
    summary: 'Stop a hive; its workers keep running',
    kind: 'change',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object({ hive, ...ssh }, strict),
  },
  hive_restart: {
    summary: 'Restart a hive; its workers keep running',
    kind: 'change',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object({ hive, ...ssh }, strict),
  },
  hive_ssh_test: {
    summary: 'Test the SSH connection to the machine of a hive, and what rbee needs there',
    kind: 'read',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object({ hive, config, ...ssh }, strict),
  },
  hive_logs: {
    summary: 'The last lines of the log of a hive',
    kind: 'read',
    scope: 'operate',
    adminFields: sshFields,
    input: Type.Object(
      {
        hive,
        lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: 'Number of lines (100)' })),
        ...ssh,
      },
      strict,
    ),
  },
  hive_capabilities: {
    summary: 'Devices of a hive, measured now',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ hive }, strict),
  },
  worker_spawn: {
    summary: 'Start a worker and wait until it is ready',
    kind: 'change',
    scope: 'operate',
    adminFields: ['environment', 'declaration'],
    plainFields: ['options'],
    input: Type.Object({ ...workerSpec.properties, ...onHive, ask }, strict),
  },
  worker_stop: {
    summary: 'Drain and stop a worker',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...ofWorker, now }, strict),
  },
  worker_start: {
    summary: 'Start a stopped worker again',
    kind: 'change',
    scope: 'operate',
    input: Type.Object(ofWorker, strict),
  },
  worker_restart: {
    summary: 'Restart a worker',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...ofWorker, now }, strict),
  },
  worker_sleep: {
    summary: 'Free the device memory of a worker; it keeps running',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...ofWorker, now }, strict),
  },
  worker_wake: {
    summary: 'Wake a sleeping worker; a request for its model does the same',
    kind: 'change',
    scope: 'operate',
    input: Type.Object(ofWorker, strict),
  },
  worker_delete: {
    summary: 'Stop and delete a worker',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ ...ofWorker, now }, strict),
  },
  worker_process_list: {
    summary: 'Workers of the fleet or of one hive',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ hive: Type.Optional(hive) }, strict),
  },
  worker_process_get: { summary: 'One worker', kind: 'read', scope: 'operate', input: Type.Object(ofWorker, strict) },
  secret_set: {
    summary: 'Store or change a secret on the machine of the queen',
    kind: 'change',
    scope: 'admin',
    input: Type.Object(
      {
        name: secretName,
        value: Type.String({ maxLength: maxSecretBytes, description: 'The secret itself: one line of text' }),
      },
      strict,
    ),
    unkept: ['value'],
  },
  secret_list: {
    summary: 'Names of the stored secrets, and what uses them; never their values',
    kind: 'read',
    scope: 'admin',
    input: Type.Object({}, strict),
  },
  secret_delete: {
    summary: 'Delete a secret; running workers keep its value',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ name: secretName }, strict),
  },
  worker_catalog_list: {
    summary: 'Installed worker types',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ hive: Type.Optional(hive) }, strict),
  },
  worker_catalog_refresh: {
    summary: 'Reread the installed worker types from disk',
    kind: 'change',
    scope: 'operate',
    input: Type.Object({ hive: Type.Optional(hive) }, strict),
  },
  worker_install: {
    summary: 'Install a plugin from the registry, a tarball or a folder',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ ...pluginRequests.install.properties, ask, ...onHive }, strict),
  },
  worker_uninstall: {
    summary: 'Remove a plugin',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ ...pluginRequests.uninstall.properties, ...onHive }, strict),
  },
  worker_update: {
    summary: 'Update plugins to the newest matching version',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ ...pluginRequests.update.properties, ...onHive }, strict),
  },
  worker_link: {
    summary: 'Use a plugin from its folder',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ ...pluginRequests.link.properties, ...onHive }, strict),
  },
  worker_prune: {
    summary: 'Remove unused versions of plugins, programs and downloads',
    kind: 'change',
    scope: 'admin',
    input: Type.Object({ ...pluginRequests.prune.properties, ...onHive }, strict),
  },
  worker_plugin_list: {
    summary: 'Installed and linked plugins',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ ...pluginRequests.list.properties, ...onHive }, strict),
  },
  worker_plugin_inspect: {
    summary: 'A plugin in detail: its variants, whether they run on this hive, its options',
    kind: 'read',
    scope: 'admin',
    input: Type.Object({ ...pluginRequests.inspect.properties, ...onHive }, strict),
  },
  worker_plugin_search: {
    summary: 'Search the registry for plugins',
    kind: 'read',
    scope: 'operate',
    input: Type.Object({ ...pluginRequests.search.properties, ...onHive }, strict),
  },
  key_create: {
    summary: 'Create a key for programs that ask over the network; the client makes the key and sends its hash',
    kind: 'change',
    scope: 'admin',
    input: keyRequests.create,
  },
  key_list: { summary: 'All keys, never their secrets', kind: 'read', scope: 'admin', input: Type.Object({}, strict) },
  key_revoke: {
    summary: 'Revoke a key at once',
    kind: 'change',
    scope: 'admin',
    input: keyRequests.revoke,
  },
  key_rotate: {
    summary: 'Give a key a new secret; its settings stay',
    kind: 'change',
    scope: 'admin',
    input: keyRequests.rotate,
  },
  audit_list: {
    summary: 'Who asked for which operation, from where, and with what result',
    kind: 'read',
    scope: 'admin',
    input: auditRequest,
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
export type OperationInput<Name extends OperationName> = Static<(typeof operations)[Name]['input']>;
export type WorkerSpawnInput = OperationInput<'worker_spawn'>;
export type InferInput = OperationInput<'infer'>;
export type ModelLoadInput = OperationInput<'model_load'>;

/** The scope that an operation with this input needs. The input is already validated. */
export const neededScope = (name: OperationName, input: unknown): Scope => {
  const { scope, adminFields = [], plainFields = [] }: Operation = operations[name];
  const given = input as Readonly<Record<string, unknown>>;
  if (adminFields.some((field) => given[field] !== undefined)) return 'admin';
  return plainFields.every((field) => isPlain(given[field])) ? scope : 'admin';
};

/** Numbers, booleans and words, which cannot name a path, an address, an argument or a secret. */
const isPlain = (value: unknown): boolean => {
  if (typeof value === 'string') return /^[A-Za-z0-9_][A-Za-z0-9_.+, -]{0,255}$/.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isPlain);
};
