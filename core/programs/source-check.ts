/** Validates the sources that a plugin declares for a program, and fills in their templates. */

import semver from 'semver';
import Type, { type TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { RbeeError } from '../contract/errors.ts';
import { pathProblem, plainPath } from '../contract/safe-path.ts';
import type { BinarySource, PrepareStep } from '../contract/worker-type/worker-type.ts';

/** Kinds that can be installed. */
export type InstallableSource = Extract<BinarySource, { kind: 'archive' | 'npm' | 'python' }>;

const optional = Type.Optional;
/** An argument that pip and npm cannot mistake for an option. */
const argument = Type.String({ pattern: '^[^-\\s][^\\0\\n]*$', maxLength: 1000 });
const plainName = Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]*$' });
const packedFile = {
  url: Type.String({ pattern: '^https?://' }),
  sha256: Type.String({ pattern: '^[0-9a-fA-F]{64}$' }),
  format: optional(Type.Enum(['tar', 'tar.gz', 'tar.xz', 'tar.zst', 'zip', 'file'])),
  strip: optional(Type.Integer({ minimum: 0, maximum: 20 })),
};

const indexes = Type.Array(Type.String({ pattern: '^(https?|file)://' }), { maxItems: 10 });
const python = Type.String({ pattern: '^\\d+(\\.\\d+){0,2}$' });

/** The `prepare` of a source. */
export const prepareSteps = Type.Array(
  Type.Union([
    Type.Object({ kind: Type.Literal('venv'), python: optional(python) }),
    Type.Object({
      kind: Type.Literal('requirement'),
      requirement: Type.Union([argument, Type.Array(argument, { minItems: 1, maxItems: 100 })]),
      indexes: optional(indexes),
    }),
    Type.Object({
      kind: Type.Literal('requirements'),
      file: Type.String({ pattern: '^(?!.*(^|/)\\.\\.(/|$))[^/\\\\\\0\\n-][^\\\\\\0\\n]*$', maxLength: 1000 }),
      indexes: optional(indexes),
    }),
    Type.Object({ kind: Type.Literal('run'), args: Type.Array(Type.String(), { minItems: 1 }) }),
  ]),
  { maxItems: 100 },
);

const shapes: Record<InstallableSource['kind'], TSchema> = {
  archive: Type.Object({
    id: Type.String({ minLength: 1 }),
    member: Type.String({ minLength: 1 }),
    ...packedFile,
    overlays: optional(Type.Array(Type.Object(packedFile), { maxItems: 20 })),
  }),
  npm: Type.Object({
    id: Type.String({ minLength: 1 }),
    package: Type.String({ pattern: '^(@[a-z0-9~][a-z0-9-._~]*/)?[a-z0-9~][a-z0-9-._~]*$' }),
    version: Type.String(),
    bin: plainName,
  }),
  python: Type.Object({
    id: Type.String({ minLength: 1 }),
    requirement: argument,
    entryPoint: plainName,
    python: optional(python),
    indexes: optional(indexes),
  }),
};

/** The source with `{version}` filled in. Errors: PLUGIN_INVALID. */
export const checkSource = (
  source: InstallableSource,
  plugin: { package: string; version: string },
): InstallableSource => {
  const invalid = (problem: string) =>
    RbeeError.of('PLUGIN_INVALID', { plugin: plugin.package, problem: `binary source ${source.id}: ${problem}` });
  if (source.kind === 'archive' && 'more' in source) throw invalid('it has more, which is now called overlays');
  const problem = firstProblem(shapes[source.kind], source);
  if (problem) throw invalid(problem);
  if (source.kind === 'npm' && semver.valid(source.version) === null)
    throw invalid(`"${source.version}" is not an exact version`);
  if (source.kind !== 'archive') return source;
  const fill = (text: string) => text.replaceAll('{version}', plugin.version);
  const member = fill(source.member);
  const outside = pathProblem(plainPath(member));
  if (outside !== undefined) throw invalid(`${JSON.stringify(member)} is not in the archive: ${outside}`);
  const file = <File extends { url: string; sha256: string }>(one: File) => ({
    ...one,
    url: fill(one.url),
    sha256: one.sha256.toLowerCase(),
  });
  return { ...file(source), member, ...(source.overlays ? { overlays: source.overlays.map(file) } : {}) };
};

/** The steps of any source. Errors: PLUGIN_INVALID. */
export const checkSteps = ({ id, prepare = [] }: BinarySource, plugin: { package: string }): readonly PrepareStep[] => {
  const problem = firstProblem(prepareSteps, prepare);
  if (problem === undefined) return prepare;
  throw RbeeError.of('PLUGIN_INVALID', {
    plugin: plugin.package,
    problem: `binary source ${id}: prepare${problem.startsWith('/') ? problem : ` ${problem}`}`,
  });
};

const firstProblem = (shape: TSchema, value: unknown): string | undefined => {
  if (Check(shape, value)) return undefined;
  const first = [...Errors(shape, value)][0];
  return `${first?.instancePath || 'it'} ${first?.message ?? 'has a wrong shape'}`;
};
