/** Finds the program of a source on this machine, or installs it. */
import { RbeeError } from '../contract/errors.ts';
import type { BinarySource, PrepareStep, ResolvedBinary } from '../contract/worker-type/worker-type.ts';
import { archiveContents, buildArchive, lookForMember } from './archive.ts';
import type { BinaryContext } from './context.ts';
import { findInstalled, type Installed, install, keyOf } from './installation.ts';
import { buildNpm, lookForBin } from './npm.ts';
import { type Absent, type Look, lookForModule, lookForProgram } from './on-machine.ts';
import { programsFolder } from './places.ts';
import { takeSteps } from './prepare.ts';
import { environmentUsable, lookForEntryPoint, PythonEnvironment, pythonFacts } from './python.ts';
import { checkSource, checkSteps, type InstallableSource } from './source-check.ts';

/** Whether this source can be installed. */
export const isInstallable = (source: BinarySource): source is InstallableSource =>
  source.kind === 'archive' || source.kind === 'npm' || source.kind === 'python';

/** Looks for the program of a source, and changes nothing. Errors: PLUGIN_INVALID. */
export const lookForBinary = async (source: BinarySource, context: Where): Promise<ResolvedBinary | Absent> => {
  if (source.kind === 'module') return resolved(source, await lookForModule(source, context.plugin.root));
  if (source.kind === 'path') return resolved(source, await lookForProgram(source, context.env));
  const checked = checkSource(source, context.plugin);
  const installed = await findInstalled(programsFolder(context.folders), keyOfSource(checked, context));
  return resolved(source, installed ? await lookInside(checked, installed) : { problem: 'it is not installed yet' });
};

/**
 * The program of a source, installed first if necessary, after its `prepare` steps. An interrupted installation is never
 * used; the next run resumes its downloads. Errors: DOWNLOAD_FAILED,
 * CHECKSUM_MISMATCH, ARCHIVE_INVALID, NO_SPACE, PYTHON_NOT_FOUND, INSTALL_FAILED, PLUGIN_INVALID, STATE_UNWRITABLE; the
 * signal's reason when aborted.
 */
export const ensureBinary = async (source: BinarySource, context: BinaryContext): Promise<ResolvedBinary> => {
  const steps = checkSteps(source, context.plugin);
  const there = await lookForBinary(source, context);
  const binary = 'problem' in there ? await installSource(source, there.problem, context) : there;
  // The steps of a Python program add to its own environment, so they were part of the installation.
  return source.kind === 'python' || steps.length === 0 ? binary : prepared(binary, context, steps);
};

const installSource = async (
  source: BinarySource,
  problem: string,
  context: BinaryContext,
): Promise<ResolvedBinary> => {
  if (!isInstallable(source)) throw cannot(source, problem, 'install the program, or another version of the plugin');
  const checked = checkSource(source, context.plugin);
  const key = keyOfSource(checked, context);
  const installed = await install({
    ...common(checked.id, key, context),
    usable: async (before) => !('problem' in (await lookInside(checked, before))),
    build: (folder) => build(checked, { folder, key }, context),
  });
  const binary = resolved(source, await lookInside(checked, installed));
  if ('problem' in binary) throw cannot(source, binary.problem, 'report this to the author of the plugin');
  return binary;
};

/** Runs the steps once per program and plugin version, in a separate folder. */
const prepared = async (
  binary: ResolvedBinary,
  context: BinaryContext,
  steps: readonly PrepareStep[],
): Promise<ResolvedBinary> => {
  const { plugin } = context;
  const key = preparedKey(binary, context, steps);
  const { folder } = await install({
    ...common(`what ${plugin.package} needs`, key, context),
    usable: ({ facts, folder: at }) => environmentUsable(facts, at),
    build: async (at) => {
      const python = new PythonEnvironment(at, key, context);
      await takeSteps(steps, { folder: at, key, python, argv: binary.argv, program: binary.path }, context);
      return pythonFacts(python);
    },
  });
  return { ...binary, environment: folder };
};

/**
 * The installed program as `ensureBinary` would return it; null if its steps have not run yet. Changes nothing. Errors:
 * PLUGIN_INVALID.
 */
export const lookForPrepared = async (
  source: BinarySource,
  binary: ResolvedBinary,
  context: Where,
): Promise<ResolvedBinary | null> => {
  const steps = checkSteps(source, context.plugin);
  if (source.kind === 'python' || steps.length === 0) return binary;
  const made = await findInstalled(programsFolder(context.folders), preparedKey(binary, context, steps));
  if (made === null || !(await environmentUsable(made.facts, made.folder))) return null;
  return { ...binary, environment: made.folder };
};

/** Key of the result of the steps for this program. */
export const preparedKey = (
  binary: ResolvedBinary,
  { plugin }: Pick<BinaryContext, 'plugin'>,
  steps: readonly PrepareStep[],
): string => keyOf(`prepared-${binary.id}`, [plugin.package, plugin.version, plugin.root, binary, steps, platform]);

type Where = Pick<BinaryContext, 'plugin' | 'folders' | 'env'>;

const cannot = (source: BinarySource, problem: string, hint: string): RbeeError =>
  RbeeError.of('INSTALL_FAILED', { what: source.id, problem, hint });

const platform = `${process.platform}-${process.arch}`;

const common = (what: string, key: string, context: BinaryContext) => ({
  store: programsFolder(context.folders),
  key,
  signal: context.signal,
  onWait: () =>
    context.narrate({ kind: 'info', text: `another process is already installing ${what}; waiting for it` }),
});

const resolved = (source: BinarySource, look: Look): ResolvedBinary | Absent =>
  'problem' in look ? look : { id: source.id, kind: source.kind, ...look };

const lookInside = async (source: InstallableSource, { folder, facts }: Installed): Promise<Look> => {
  switch (source.kind) {
    case 'archive':
      return lookForMember(source, folder);
    case 'npm':
      return lookForBin(source, folder);
    case 'python':
      if (!(await environmentUsable(facts, folder)))
        return { problem: 'the Python that it was installed with no longer exists' };
      return lookForEntryPoint(source, folder);
  }
};

const build = async (
  source: InstallableSource,
  { folder, key }: { folder: string; key: string },
  context: BinaryContext,
): Promise<Record<string, string>> => {
  if (source.kind === 'archive') return buildArchive(source, folder, context);
  if (source.kind === 'npm') return buildNpm(source, folder, key, context);
  const python = new PythonEnvironment(folder, key, context);
  await python.make(source.python);
  await python.add([source.requirement], source.indexes);
  const look = await lookForEntryPoint(source, folder);
  if ('problem' in look) throw cannot(source, look.problem, 'report this to the author of the plugin');
  const { argv, path } = look;
  await takeSteps(source.prepare ?? [], { folder, key, python, argv, program: path }, context);
  return pythonFacts(python);
};

/** Plugins share programs with the same contents, except those that may contain files of the plugin. */
export const keyOfSource = (source: InstallableSource, { plugin }: Pick<BinaryContext, 'plugin'>): string => {
  if (source.kind === 'archive') return keyOf(source.id, [platform, archiveContents(source)]);
  if (source.kind === 'npm') return keyOf(source.id, [platform, source.package, source.version]);
  const { requirement, entryPoint, python, indexes, prepare: steps = [] } = source;
  const own = steps.length > 0 || /^[./]|file:/.test(requirement) ? [plugin.root, plugin.version] : [];
  return keyOf(source.id, [platform, requirement, entryPoint, python, indexes, steps, own]);
};
