/**
 * Decides whether a worker can run as this variant: now, after something is brought in, or not at all. Changes nothing.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveNeed } from '../../contract/worker-type/needs.ts';
import type { BinarySource, HostFacts, ModelFormat, ResolvedBinary } from '../../contract/worker-type/worker-type.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { BinaryContext } from '../../programs/context.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { platformProblem, variantFit } from '../../worker-types/variant-fit.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { Ask } from '../devices/device-source.ts';
import { findProgram } from './find-program.ts';

/** What a variant would run, and on which machine. */
export interface VariantUse {
  handle: WorkerTypeHandle;
  type: TypeDescription;
  options: Readonly<Record<string, unknown>>;
  /** Format of the model, if known. */
  format: ModelFormat | undefined;
  host: HostFacts;
}

export interface AssessContext {
  hive: string;
  types: Pick<WorkerTypes, 'rootOf'>;
  folders: BinaryContext['folders'];
  env: NodeJS.ProcessEnv;
}

export type Unusable =
  | { state: 'lacking'; need: Extract<HiveNeed, { kind: 'variant' }> }
  | { state: 'lacking'; need: Extract<HiveNeed, { kind: 'program' }>; sources: readonly BinarySource[] }
  | { state: 'unfit'; error: RbeeError };

export interface Installed {
  state: 'installed';
  binary: ResolvedBinary;
  /** The plugin's folder, with the packages that this variant needs. */
  root: string;
}

export interface Ready extends Omit<Installed, 'state'> {
  state: 'ready';
  /** Answers of the type's probes. */
  probes: Record<string, unknown>;
}

export type Assessment = Ready | Unusable;

/** Also runs the program if it is installed. Throws errors of the plugin, and PROGRAM_PATH_INVALID. */
export const assessVariant = async (
  variant: string,
  use: VariantUse,
  context: AssessContext & { ask: Ask },
): Promise<Assessment> => {
  const look = await lookForVariant(variant, use, context);
  if (look.state !== 'installed') return look;
  const probes = await runProbes(variant, look.binary, use, context.ask);
  const fit = await use.handle.fits(variant, { ...use.host, probes });
  return fit.fits ? { ...look, state: 'ready', probes } : unfit(variant, fit.reasons, use, context);
};

/** Does not run the program. A variant that does not fit is never reported as missing something. */
export const lookForVariant = async (
  variant: string,
  use: VariantUse,
  context: AssessContext,
): Promise<Installed | Unusable> => {
  const { handle, type, options, format, host } = use;
  const offPlatform = platformProblem(type, variant, host);
  if (offPlatform) return unfit(variant, [offPlatform], use, context);
  const { package: plugin, version } = handle.plugin;
  const root = context.types.rootOf(type.name, variant);
  if (root === null) return worthIt({ state: 'lacking', need: { kind: 'variant', plugin, variant } }, use, context);
  const { platform } = host;
  const request = { platform, version, options, ...(format !== undefined && { model: { format } }) };
  const sources = await handle.resolveBinary(variant, request);
  const search = await findProgram(sources, { ...context, plugin: { package: plugin, version, root } });
  if (search.state === 'there') return { state: 'installed', binary: search.binary, root };
  if (search.state === 'none') return { state: 'unfit', error: noProgram(variant, search.tried, use, context.hive) };
  const ids = search.sources.map(({ id }) => id);
  const about = { plugin, type: type.name, variant, ...(format !== undefined && { format }), sources: ids };
  return worthIt({ state: 'lacking', need: { kind: 'program', ...about }, sources: search.sources }, use, context);
};

/** A variant that does not fit is not worth a download. */
const worthIt = async <Lacking extends Extract<Unusable, { state: 'lacking' }>>(
  lacking: Lacking,
  use: VariantUse,
  context: AssessContext,
): Promise<Lacking | Extract<Unusable, { state: 'unfit' }>> => {
  const { variant } = lacking.need;
  const { fits, reasons } = await variantFit(use.handle, use.type, variant, use.host);
  return fits ? lacking : unfit(variant, reasons, use, context);
};

const unfit = (
  variant: string,
  reasons: readonly string[],
  { type }: VariantUse,
  { hive }: AssessContext,
): Extract<Unusable, { state: 'unfit' }> => {
  const hint = 'choose another --device or --variant; see: rbee hive devices';
  const details = { type: type.name, variant, hive, reasons: reasons.join('; '), hint };
  return { state: 'unfit', error: RbeeError.of('VARIANT_INCOMPATIBLE', details) };
};

const noProgram = (
  variant: string,
  tried: readonly string[],
  { type, host: { platform }, format }: VariantUse,
  hive: string,
): RbeeError => {
  const none = `the plugin has none for ${platform.os} ${platform.cpu}${format === undefined ? '' : ` that loads ${format}`}`;
  return RbeeError.of('BINARY_NOT_FOUND', {
    type: type.name,
    variant,
    hive,
    tried: tried.join('; ') || none,
    hint: 'install the program, or choose another --device or --variant',
  });
};

const runProbes = async (
  variant: string,
  binary: ResolvedBinary,
  { type, handle }: VariantUse,
  ask: Ask,
): Promise<Record<string, unknown>> => {
  const asked = (type.probes ?? []).filter(
    (probe) =>
      (probe.variants?.includes(variant) ?? true) &&
      // The plugin's own script does not answer probes.
      !(probe.program === '$binary' && binary.kind === 'module'),
  );
  // Concurrently: each probe may take as long as the program needs to load its libraries.
  const answers = await Promise.all(
    asked.map(async (probe): Promise<[string, unknown][]> => {
      const program = probe.program === '$binary' ? binary.path : probe.program;
      const output = await ask(program, probe.args, probe.timeoutMs);
      return output ? [[probe.id, await handle.parseProbe(probe.id, output)]] : [];
    }),
  );
  return Object.fromEntries(answers.flat());
};
