/** A worker type as data: all of its non-function members, validated so that a hive can use them. */

import Type, { type Static, type TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { deviceFacts } from '../contract/api/hive-answers.ts';
import {
  abilityValues,
  affinityBounds,
  idName,
  maxOptions,
  mediaType,
  nameOf,
  optionName,
  optionValue,
} from '../contract/bounds.ts';
import { kindPattern } from '../contract/device.ts';
import { RbeeError } from '../contract/errors.ts';
import { isSafePath, plainPath } from '../contract/safe-path.ts';
import { variablePattern } from '../contract/secret-reference.ts';
import { servedNamePattern } from '../contract/worker.ts';
import { workerTypeApiVersion } from '../contract/worker-type/api-version.ts';
import { templateProblem } from '../contract/worker-type/argv-template.ts';
import { boundKinds } from '../contract/worker-type/device-binding.ts';
import { searchOf } from '../contract/worker-type/failure-rules.ts';
import { type DataMember, type FunctionMember, formerMembers } from '../contract/worker-type/members.ts';
import type { WorkerType } from '../contract/worker-type/worker-type.ts';
import { prepareSteps } from '../programs/source-check.ts';
import { type PluginManifest, servedPathPattern, type WorkerTypeManifest } from './manifest.ts';

const optional = Type.Optional;
const texts = Type.Array(Type.String());
const packageNames = Type.Array(
  Type.String({ pattern: '^(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*(@[^@\\s]+)?$' }),
);
const namePart = '(?!\\.{1,2}(?:/|$))[^/\\\\\\x00-\\x1f]+';
/** No segment is empty, `.` or `..`, and there is no line break, which could hide one. */
export const pathInPackage = `^${namePart}(?:/${namePart})*$`;
const variantPackages = {
  include: optional(packageNames),
  leaveOut: optional(packageNames),
  leaveOutFiles: optional(Type.Record(Type.String(), Type.Array(Type.String({ pattern: pathInPackage })))),
};
const httpMethod = Type.Enum(['GET', 'POST', 'PUT', 'DELETE']);
const servedPath = Type.Object({
  path: Type.String({ pattern: servedPathPattern, maxLength: 200 }),
  method: optional(Type.Union([httpMethod, Type.Literal('any'), Type.Array(httpMethod, { minItems: 1, maxItems: 4 })])),
  kind: nameOf(32),
  accepts: optional(Type.Array(Type.String({ pattern: mediaType, maxLength: 128 }), { minItems: 1, maxItems: 32 })),
  affinity: optional(
    Type.Record(Type.String({ pattern: idName }), Type.String({ minLength: 1, maxLength: 128 }), affinityBounds),
  ),
  needs: optional(
    Type.Object({ engine: optional(Type.Union([Type.String(), texts])), option: optional(Type.String()) }),
  ),
});

const option = Type.Object({
  type: Type.Union([
    Type.Literal('string'),
    Type.Literal('integer'),
    Type.Literal('number'),
    Type.Literal('boolean'),
    Type.Literal('array'),
  ]),
  description: Type.String({ minLength: 1 }),
  default: optional(optionValue),
  secret: optional(Type.Boolean()),
  enum: optional(Type.Array(Type.Union([Type.String(), Type.Number()]))),
  minimum: optional(Type.Number()),
  maximum: optional(Type.Number()),
  pattern: optional(Type.String()),
  items: optional(Type.Object({ type: Type.String() })),
});

const health = Type.Object({
  ready: Type.Union([
    Type.Object({ mode: Type.Literal('poll'), path: Type.String({ pattern: '^/' }) }),
    Type.Object({ mode: Type.Literal('callback') }),
    Type.Object({ mode: Type.Literal('log'), pattern: Type.String({ minLength: 1 }), example: Type.String() }),
  ]),
  loadingStatus: optional(Type.Array(Type.Integer())),
  failedStatus: optional(Type.Array(Type.Integer())),
  progressPattern: optional(Type.String()),
  progressExample: optional(Type.String()),
  progressDeadlineMs: optional(Type.Integer({ minimum: 1_000 })),
  live: optional(Type.Object({ path: Type.String({ pattern: '^/' }) })),
  deep: optional(Type.Object({ path: Type.String({ pattern: '^/' }), body: Type.Unknown() })),
});

const endOfProcess = Type.Union([
  Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 }),
  Type.Literal('nonzero'),
  Type.String({ pattern: '^SIG[A-Z0-9]+$' }),
]);

const restRequest = { method: Type.Literal('POST'), path: Type.String({ pattern: '^/' }) };

const stop = Type.Object({
  signals: Type.Array(
    Type.Object({
      signal: Type.Union([Type.Literal('SIGTERM'), Type.Literal('SIGINT')]),
      graceMs: Type.Integer({ minimum: 0, maximum: 600_000 }),
    }),
    { minItems: 1, maxItems: 5 },
  ),
  closesOnlyWhenIdle: optional(Type.Boolean()),
  sleep: optional(Type.Object({ ...restRequest, option: optional(Type.String()) })),
  wake: optional(Type.Object(restRequest)),
});

const failure = Type.Object({
  pattern: optional(
    Type.Union([
      Type.String({ minLength: 1, maxLength: 4_000 }),
      Type.Object({ source: Type.String({ minLength: 1, maxLength: 4_000 }), flags: Type.String({ maxLength: 10 }) }),
    ]),
  ),
  exit: optional(Type.Union([endOfProcess, Type.Array(endOfProcess, { minItems: 1, maxItems: 50 })])),
  ready: optional(Type.Boolean()),
  cause: nameOf(64),
  message: Type.String({ minLength: 1, maxLength: 1_000 }),
  hint: Type.String({ minLength: 1, maxLength: 1_000 }),
});

const platformName = '^[a-z0-9]+-[a-z0-9_]+(-(glibc|musl))?$';

const commandLine = Type.Object({
  args: texts,
  env: optional(Type.Record(Type.String(), Type.String())),
  cwd: optional(Type.String()),
});

const dataShapes = {
  name: Type.String(),
  apiVersion: Type.Literal(workerTypeApiVersion),
  summary: optional(Type.String()),
  serves: Type.Array(servedPath, { minItems: 1 }),
  models: optional(
    Type.Object({
      formats: texts,
      components: optional(
        Type.Record(
          Type.String(),
          Type.Object({ required: Type.Boolean(), formats: optional(texts), description: Type.String() }),
        ),
      ),
      demo: optional(Type.String()),
      optional: optional(Type.Boolean()),
    }),
  ),
  options: optional(
    Type.Object({
      type: Type.Literal('object'),
      properties: Type.Record(Type.String({ pattern: optionName }), option, {
        additionalProperties: false,
        maxProperties: maxOptions,
      }),
    }),
  ),
  environment: optional(Type.Array(Type.String({ pattern: variablePattern }), { maxItems: 256 })),
  variants: Type.Array(
    Type.Object({
      id: Type.String(),
      devices: Type.Array(Type.String(), { minItems: 1 }),
      binds: optional(Type.Enum(boundKinds)),
      platforms: optional(Type.Array(Type.String({ pattern: platformName }), { minItems: 1, maxItems: 100 })),
      packages: optional(
        Type.Object({ ...variantPackages, on: optional(Type.Record(Type.String(), Type.Object(variantPackages))) }),
      ),
      has: texts,
    }),
    { minItems: 1 },
  ),
  health,
  probes: optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        variants: optional(texts),
        program: Type.String(),
        args: texts,
        timeoutMs: optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
      }),
    ),
  ),
  devices: optional(
    Type.Array(
      Type.Object({
        kind: Type.String({ pattern: kindPattern }),
        programs: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 16 }),
        args: texts,
        os: optional(texts),
        timeoutMs: optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
      }),
      { maxItems: 16 },
    ),
  ),
  adapter: optional(Type.Object({ script: Type.String(), for: optional(texts) })),
  keyless: optional(Type.Boolean()),
  stop: optional(stop),
  load: optional(
    Type.Object({
      path: Type.String({ pattern: '^/' }),
      running: Type.String(),
      waiting: optional(Type.String()),
      kvCacheUse: optional(Type.String()),
    }),
  ),
  command: optional(Type.Union([texts, commandLine])),
  failures: optional(Type.Array(failure, { maxItems: 500 })),
} as const satisfies Record<DataMember, TSchema>;

const description = Type.Object({ ...dataShapes, has: texts, unknown: texts });

export type TypeDescription = Static<typeof description>;
export type OptionDescription = Static<typeof option>;

const prepare = optional(prepareSteps);

/** Schemas for the results of a worker type's functions; anything else is PLUGIN_FAILED. */
export const answerShapes = {
  command: commandLine,
  checkOptions: Type.Array(Type.Object({ option: Type.String(), problem: Type.String(), hint: Type.String() })),
  fits: Type.Union([
    Type.Object({ fits: Type.Literal(true) }),
    Type.Object({ fits: Type.Literal(false), reasons: texts }),
  ]),
  deviceFlags: Type.Object({ args: texts, env: Type.Record(Type.String(), Type.String()) }),
  resolveBinary: Type.Array(
    Type.Union([
      Type.Object({
        kind: Type.Literal('module'),
        id: nameOf(64),
        script: Type.String(),
        requires: optional(texts),
        prepare,
      }),
      Type.Object({
        kind: Type.Literal('path'),
        id: nameOf(64),
        program: Type.String(),
        variable: optional(Type.String()),
        prepare,
      }),
      Type.Object({
        kind: Type.Literal('archive'),
        id: nameOf(64),
        url: Type.String(),
        sha256: Type.String(),
        member: Type.String(),
        prepare,
      }),
      Type.Object({
        kind: Type.Literal('npm'),
        id: nameOf(64),
        package: Type.String(),
        version: Type.String(),
        bin: Type.String(),
        prepare,
      }),
      Type.Object({
        kind: Type.Literal('python'),
        id: nameOf(64),
        requirement: Type.String(),
        entryPoint: Type.String(),
        python: optional(Type.String()),
        prepare,
      }),
    ]),
  ),
  estimate: Type.Object({ ram: Type.Number({ minimum: 0 }), vram: Type.Number({ minimum: 0 }) }),
  diagnose: Type.Union([Type.Null(), Type.Object({ cause: nameOf(64), message: Type.String(), hint: Type.String() })]),
  unserved: Type.Array(Type.Object({ path: Type.String(), hint: Type.String({ minLength: 1, maxLength: 1_024 }) }), {
    maxItems: 256,
  }),
  abilities: abilityValues,
  slots: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  forecast: Type.Union([
    Type.Null(),
    Type.Object({
      program: Type.String({ minLength: 1 }),
      args: texts,
      env: optional(Type.Record(Type.String(), Type.String())),
      timeoutMs: optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
    }),
  ]),
  readForecast: Type.Union([
    Type.Null(),
    Type.Object({
      ram: Type.Object({ mapped: Type.Number({ minimum: 0 }), private: Type.Number({ minimum: 0 }) }),
      devices: Type.Record(Type.String(), Type.Number({ minimum: 0 })),
    }),
  ]),
  selectFiles: texts,
  aliases: Type.Array(Type.String({ pattern: servedNamePattern }), { maxItems: 1_000 }),
  parse: Type.Unknown(),
} as const satisfies Record<FunctionMember, TSchema>;

/** Result of a device probe's `parse`. */
export const devicesAnswer = Type.Array(deviceFacts, { maxItems: 256 });

/** The problem with a value, or undefined. */
export const shapeProblem = (schema: TSchema, value: unknown): string | undefined => {
  if (Check(schema, value)) return undefined;
  const first = [...Errors(schema, value)][0];
  return first ? `${first.instancePath || 'the answer'} ${first.message}` : 'the answer has an invalid shape';
};

/** Checks a description against the contract and the manifest. Errors: PLUGIN_INVALID. */
export const checkDescription = (
  plugin: PluginManifest,
  entry: WorkerTypeManifest,
  value: unknown,
): TypeDescription => {
  const invalid = (problem: string) =>
    RbeeError.of('PLUGIN_INVALID', { plugin: plugin.package, problem: `worker type "${entry.name}": ${problem}` });
  const problem = formerProblem(value) ?? shapeProblem(description, value);
  if (problem) throw invalid(problem);
  const type = value as TypeDescription;
  const [fault] = [...bindingProblems(type), ...commandProblems(type), ...ruleProblems(type)];
  if (fault !== undefined) throw invalid(fault);
  for (const path of [type.models?.demo, type.adapter?.script]) {
    if (path !== undefined && !isSafePath(plainPath(path)))
      throw invalid(`${JSON.stringify(path)} is outside the package`);
  }
  for (const [name, option] of Object.entries(type.options?.properties ?? {})) {
    const fault = secretProblem(option);
    if (fault !== undefined) throw invalid(`its option ${name} ${fault}`);
  }
  if (type.name !== entry.name) throw invalid(`its code has the name "${type.name}"`);
  const missing = type.serves.map(({ path }) => path).filter((path) => !entry.serves.includes(path));
  if (missing.length > 0) throw invalid(`its manifest lacks the paths ${missing.join(', ')}; ${writeIt}`);
  const variants = type.variants.map(({ id }) => id);
  if ([...variants].sort().join(' ') !== [...entry.variants].sort().join(' ')) {
    const said = `its manifest lists the variants ${entry.variants.join(', ')}, but its code ${variants.join(', ')}`;
    throw invalid(`${said}; ${writeIt}`);
  }
  const kinds = (type.devices ?? []).map(({ kind }) => kind);
  const listed = entry.devices ?? [];
  if ([...kinds].sort().join(' ') !== [...listed].sort().join(' ')) {
    const said = `its manifest lists the device kinds ${listed.join(', ') || 'none'}, but its code ${kinds.join(', ') || 'none'}`;
    throw invalid(`${said}; ${writeIt}`);
  }
  return type;
};

/** The value of a secret option is a secret's name, so a plugin's code cannot provide a default or choices for it. */
export const secretProblem = (option: OptionDescription): string | undefined => {
  if (option.secret !== true) return undefined;
  if (option.type !== 'string') return `is a secret of type ${option.type}, but a secret must be a string`;
  const unfit = (['default', 'enum', 'pattern'] as const).find((keyword) => option[keyword] !== undefined);
  return unfit && `is a secret and has ${unfit === 'default' ? 'a default' : `"${unfit}"`}, which a secret cannot have`;
};

const writeIt = 'run: rbee plugins check --write';

/** Members of earlier drafts of the contract, reported with their current name. */
const formerProblem = (value: unknown): string | undefined => {
  const { unknown = [], variants = [], health } = value as Partial<TypeDescription>;
  const former = unknown.find((member) => Object.hasOwn(formerMembers, member));
  if (former !== undefined) return `it has ${former}, which is now called ${formerMembers[former]}`;
  const objects = variants.find(({ platforms = [] }) => platforms.some((one) => typeof one === 'object'));
  if (objects) return `the platforms of the variant ${objects.id} are objects; write them as 'linux-x64'`;
  return health?.ready?.mode === 'log' && health.ready.example === undefined
    ? 'health.ready has a pattern but no example: add a log line that matches it'
    : undefined;
};

const bindingProblems = ({ variants }: TypeDescription): string[] =>
  variants
    .filter(
      ({ binds, devices, has }) => binds === undefined && !has.includes('deviceFlags') && !devices.includes('cpu'),
    )
    .map(({ id }) => `the variant ${id} has neither binds nor deviceFlags: it would use every device of the machine`);

const commandProblems = (type: TypeDescription): string[] => {
  if (type.command === undefined) return type.has.includes('command') ? [] : ['it has no command'];
  const problem = templateProblem(type.command, type as Pick<WorkerType, 'models' | 'options'>);
  return problem === undefined ? [] : [problem];
};

const ruleProblems = ({ failures = [] }: TypeDescription): string[] =>
  failures.flatMap(({ pattern, exit, message }) => {
    const name = `the failure rule ${JSON.stringify(message)}`;
    if (pattern === undefined) return exit === undefined ? [`${name} has neither a pattern nor an exit`] : [];
    try {
      searchOf(pattern as string);
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).message}`];
    }
  });
