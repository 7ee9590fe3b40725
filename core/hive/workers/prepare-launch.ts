/**
 * Preflight: from what a user asked for to a launch that can be started, or the error that says why not. Nothing is
 * started and nothing is written here.
 */

import { randomBytes } from 'node:crypto';
import { type Device, deviceIds, formatDevice } from '../../contract/device.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, servedName } from '../../contract/model-reference.ts';
import type { Narrate } from '../../contract/narration.ts';
import { insideFolder, plainPath } from '../../contract/safe-path.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { DeviceFacts, HostFacts, ModelFormat, ResolvedBinary, StopContract } from '../../contract/worker-type.ts';
import { nearest } from '../../narration/near.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { BinaryContext } from '../../registry/binaries/context.ts';
import type { Fetcher } from '../../registry/binaries/fetcher.ts';
import type { TypeDescription } from '../../registry/description.ts';
import {
  type Candidate,
  candidatesFor,
  rankDevices,
  refuseMissing,
  type VariantChoice,
} from '../../registry/device-choice.ts';
import { platformProblem, variantFit } from '../../registry/variant-fit.ts';
import { checkEnvironment, resolveOptions } from '../../registry/worker-options.ts';
import type { WorkerTypeHandle } from '../../registry/worker-type-handle.ts';
import type { WorkerTypes } from '../../registry/worker-types.ts';
import type { Ask } from '../devices/device-source.ts';
import type { Machine } from '../machine.ts';
import { bringModels, checkLocal, wantedModels } from '../models/launch-models.ts';
import type { ResolvedModel } from '../models/model-files.ts';
import type { Models } from '../models/models.ts';
import type { Plugins } from '../plugins/plugins.ts';
import { type BinarySearch, findBinary } from './binary.ts';
import { knownFormat } from './known-format.ts';
import type { LaunchDraft } from './launch-draft.ts';

export interface PrepareContext {
  hive: string;
  types: WorkerTypes;
  /** Installs types and variants that are asked for and not here. */
  plugins: Pick<Plugins, 'installType' | 'installVariant'>;
  /** Downloads models that are asked for and not here. */
  models: Pick<Models, 'bring' | 'onlyOne' | 'headers'>;
  machine: Machine;
  ask: Ask;
  env: NodeJS.ProcessEnv;
  /** Where programs are installed, and what was downloaded for them is kept. */
  folders: BinaryContext['folders'];
  fetcher: Fetcher;
  narrate: Narrate;
  signal: AbortSignal;
  /** Bytes promised to workers that have not taken them yet, by device id. */
  promised: ReadonlyMap<string, number>;
  /** What a worker that exists was started from last. */
  was?: LaunchDraft;
}

const defaultStop: StopContract = { signals: [{ signal: 'SIGTERM', graceMs: 2_000 }] };

/** How often it begins again where the code of a linked plugin changes meanwhile. */
const maxAttempts = 3;

export const prepareLaunch = async (spec: WorkerSpec, context: PrepareContext): Promise<LaunchDraft> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await prepare(spec, context);
    } catch (error) {
      const hasChanged = error instanceof RbeeError && error.code === 'PLUGIN_CHANGED';
      if (!hasChanged || attempt === maxAttempts) throw error;
    }
  }
};

const prepare = async (spec: WorkerSpec, context: PrepareContext): Promise<LaunchDraft> => {
  // While the plugin is being loaded: both take tens of milliseconds.
  const measured = context.machine.facts();
  measured.catch(() => {});
  const handle = await handleFor(spec, measured, context);
  const type = await handle.describe();
  const options = resolveOptions(type, spec.options);
  const environment = checkEnvironment(type, spec.environment);
  const wanted = await wantedModels(spec, type, context);
  const use = { handle, type, options, hive: context.hive, models: context.models };
  if (wanted) await checkLocal(wanted, use);
  const known = wanted ? await knownFormat(wanted.main, use, context) : undefined;
  const { devices, host } = await measured;
  const candidates = chooseCandidates(spec, type, devices, context);
  const fitFor = (format: ModelFormat | undefined): Promise<Fitting> =>
    firstThatFits(candidates, { handle, type, options, format, host: { ...host, devices, probes: {} }, context });
  const likely = await fitFor(known);
  if (spec.device === undefined) tellDevice(likely, context);
  // What may be many gigabytes is only brought in where it can be run.
  const model = wanted ? await bringModels(wanted, use, context) : null;
  // Only now is it certain which program loads it.
  const fit = model && model.facts.format !== known ? await fitFor(model.facts.format) : likely;
  if (spec.device === undefined && formatDevice(fit.device) !== formatDevice(likely.device)) tellDevice(fit, context);
  await refuseOptions(fit, { handle, options });
  const reference = wanted?.main ?? null;
  const estimate = await checkMemory(spec, fit, { handle, model, options, devices, context });
  return {
    type: type.name,
    plugin: handle.plugin.package,
    pluginRoot: fit.root,
    pluginVersion: handle.plugin.version,
    ...(handle.looks !== undefined && { pluginLooks: handle.looks }),
    variant: fit.variant,
    device: formatDevice(fit.device),
    reference: reference ? formatModelReference(reference) : null,
    names: [
      ...new Set([spec.name ?? (reference ? servedName(reference) : type.name), ...(await handle.moreNames(options))]),
    ],
    models: model?.files ?? {},
    options,
    environment,
    binary: fit.binary,
    ...adapterOf(type, fit),
    deviceFlags: await handle.deviceFlags(fit.variant, fit.device),
    apiKey: randomBytes(24).toString('base64url'),
    serves: type.serves as LaunchDraft['serves'],
    health: type.health,
    stop: (type.stop as StopContract | undefined) ?? defaultStop,
    load: type.load ?? null,
    probes: fit.probes,
    estimate,
  };
};

const handleFor = async (
  spec: WorkerSpec,
  measured: Promise<{ devices: readonly DeviceFacts[] }>,
  { types, plugins, hive, was, ...context }: PrepareContext,
): Promise<WorkerTypeHandle> => {
  if (was) return ownHandle(was, types, hive);
  if (!(await types.has(spec.type))) {
    // What is known without the plugin is not found out after it was downloaded.
    if (spec.device !== undefined) refuseMissing(spec.device, (await measured).devices, hive, spawnCommand(spec.type));
    await plugins.installType(spec.type, { ...context, variant: spec.variant });
  }
  return types.get(spec.type);
};

/**
 * Of the package that the worker was started from: a type of the same name may be another publisher's, whose code nobody
 * asked for. Errors: WORKER_PLUGIN_GONE, and the fault of the type.
 */
const ownHandle = async (was: LaunchDraft, types: WorkerTypes, hive: string): Promise<WorkerTypeHandle> => {
  const { type, plugin, pluginVersion, pluginRoot, pluginLooks } = was;
  const there = (await types.has(type)) ? await types.get(type) : null;
  if (there?.plugin.package === plugin) return there;
  const on = hive === 'local' ? '' : ` --hive ${hive}`;
  const again =
    pluginLooks === undefined
      ? `rbee plugins install ${plugin}@${pluginVersion}${on}`
      : `rbee plugins link ${pluginRoot}${on}`;
  const other = there?.plugin.package;
  throw RbeeError.of('WORKER_PLUGIN_GONE', {
    package: `${plugin} ${pluginVersion}`,
    hive,
    problem: other === undefined ? 'does not have it any more' : `now has ${type} from ${other}`,
    hint:
      other === undefined
        ? `bring it back with: ${again}, or delete the worker`
        : `spawn another worker to run ${type} of ${other}, or uninstall that and run: ${again}`,
  });
};

const spawnCommand = (type: string) => (device: string) => `rbee worker spawn --type ${type} --device ${device}`;

const tellDevice = ({ device }: Candidate, { narrate }: PrepareContext): void =>
  narrate({ kind: 'info', text: `no device was asked for: taking ${formatDevice(device)}` });

const adapterOf = ({ adapter }: TypeDescription, { binary, root }: Fitting): Pick<LaunchDraft, 'adapter'> =>
  adapter && (adapter.for?.includes(binary.id) ?? true)
    ? { adapter: insideFolder(root, plainPath(adapter.script)) }
    : {};

const chooseCandidates = (
  spec: WorkerSpec,
  type: TypeDescription,
  devices: readonly DeviceFacts[],
  context: PrepareContext,
): Candidate[] => {
  const known = type.variants.map((variant) => variant.id);
  if (spec.variant !== undefined && !known.includes(spec.variant)) {
    const near = nearest(spec.variant, known)[0];
    throw RbeeError.of('VARIANT_NOT_FOUND', {
      type: type.name,
      variant: spec.variant,
      known: known.join(', ') + (near ? `; did you mean ${near}?` : ''),
    });
  }
  const variants: VariantChoice[] = type.variants
    .filter((variant) => spec.variant === undefined || variant.id === spec.variant)
    .map((variant) => ({ id: variant.id, devices: variant.devices ?? [variant.id] }));
  const candidates =
    spec.device === undefined
      ? rankDevices(variants, devices, context.promised)
      : candidatesFor(spec.device, variants, devices, context.hive, spawnCommand(type.name));
  if (candidates.length > 0) return candidates;
  const wanted = spec.device ?? 'any device of this machine';
  throw RbeeError.of('VARIANT_UNFIT', {
    type: type.name,
    variant: spec.variant ?? 'any variant',
    hive: context.hive,
    reasons: `it does not drive ${wanted}`,
    hint: `its variants: ${known.join(', ')}`,
  });
};

interface FitCheck {
  handle: WorkerTypeHandle;
  type: TypeDescription;
  options: Record<string, unknown>;
  /** Of the model, as far as it is known. */
  format: ModelFormat | undefined;
  host: HostFacts;
  context: PrepareContext;
}

type Fitting = Candidate & {
  binary: ResolvedBinary;
  /** The plugin's folder, with the packages that this variant needs. */
  root: string;
  /** Answers of the type's probes. */
  probes: Record<string, unknown>;
};

/** The first candidate whose program is there and whose variant fits; else the error of the best one. */
const firstThatFits = async (candidates: readonly Candidate[], check: FitCheck): Promise<Fitting> => {
  let first: RbeeError | undefined;
  for (const candidate of candidates) {
    const result = await tryCandidate(candidate, check);
    if (!(result instanceof RbeeError)) return result;
    first ??= result;
  }
  throw first ?? new Error('no candidate was given');
};

const tryCandidate = async (candidate: Candidate, check: FitCheck): Promise<Fitting | RbeeError> => {
  const { handle, type, options, format, context } = check;
  const unfit = (reasons: readonly string[]) =>
    RbeeError.of('VARIANT_UNFIT', {
      type: type.name,
      variant: candidate.variant,
      hive: context.hive,
      reasons: reasons.join('; '),
      hint: 'choose another --device or --variant; see: rbee hive devices',
    });
  const offPlatform = platformProblem(type, candidate.variant, check.host);
  if (offPlatform) return unfit([offPlatform]);
  const root = await variantRoot(candidate.variant, check);
  if (root instanceof RbeeError) return root;
  const { package: name, version } = handle.plugin;
  const { platform } = check.host;
  const request = { platform, version, options, ...(format !== undefined && { model: { format } }) };
  const search: BinarySearch = await findBinary(
    await handle.resolveBinary(candidate.variant, request),
    { ...context, plugin: { package: name, version, root } },
    {
      notWorthIt: async () => {
        const fit = await variantFit(handle, type, candidate.variant, check.host);
        return fit.fits ? undefined : unfit(fit.reasons);
      },
    },
  );
  if (search.found === null) {
    if (search.error) return search.error;
    return RbeeError.of('BINARY_NOT_FOUND', {
      type: type.name,
      variant: candidate.variant,
      hive: context.hive,
      tried:
        search.tried.join('; ') ||
        `it names none for ${platform.os} ${platform.cpu}${format === undefined ? '' : ` that loads ${format}`}`,
      hint: 'install the program, or choose another --device or --variant',
    });
  }
  const probes = await runProbes(candidate.variant, search.found, check);
  const fit = await handle.fits(candidate.variant, { ...check.host, probes });
  return fit.fits ? { ...candidate, root, binary: search.found, probes } : unfit(fit.reasons);
};

/** Where a variant is; one that is not here but fits is installed. */
const variantRoot = async (variant: string, check: FitCheck): Promise<string | RbeeError> => {
  const { handle, type, context } = check;
  const there = context.types.rootOf(type.name, variant);
  if (there !== null) return there;
  const fit = await variantFit(handle, type, variant, check.host);
  if (fit.fits) {
    try {
      await context.plugins.installVariant(handle.plugin.package, variant, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof RbeeError) return error;
      throw error;
    }
  }
  const installed = context.types.rootOf(type.name, variant);
  if (installed !== null) return installed;
  return RbeeError.of('VARIANT_UNFIT', {
    type: type.name,
    variant,
    hive: context.hive,
    reasons: fit.reasons.join('; ') || 'it is not installed',
    hint: 'choose another --device or --variant; see: rbee hive devices',
  });
};

const runProbes = async (
  variant: string,
  binary: ResolvedBinary,
  check: FitCheck,
): Promise<Record<string, unknown>> => {
  const asked = (check.type.probes ?? []).filter(
    (probe) =>
      (probe.variants?.includes(variant) ?? true) &&
      // The plugin's own script is not a program that answers probes.
      !(probe.program === '$binary' && binary.kind === 'module'),
  );
  // At the same time: each may take as long as the program takes to load its libraries.
  const answers = await Promise.all(
    asked.map(async (probe): Promise<[string, unknown][]> => {
      const program = probe.program === '$binary' ? binary.path : probe.program;
      const output = await check.context.ask(program, probe.args, probe.timeoutMs);
      return output ? [[probe.id, await check.handle.parseProbe(probe.id, output)]] : [];
    }),
  );
  return Object.fromEntries(answers.flat());
};

/** Errors: OPTION_INVALID. */
const refuseOptions = async (
  { variant, device, binary, probes }: Fitting,
  { handle, options }: { handle: WorkerTypeHandle; options: Record<string, unknown> },
): Promise<void> => {
  const problems = await handle.checkOptions({ variant, device, options, binary: { id: binary.id }, probes });
  const [first, ...others] = problems;
  if (first === undefined) return;
  throw RbeeError.of('OPTION_INVALID', {
    type: handle.name,
    option: first.option,
    problem: [first.problem, ...others.map(({ option, problem }) => `and ${option}: ${problem}`)].join('; '),
    hint: first.hint,
  });
};

interface MemoryCheck {
  handle: WorkerTypeHandle;
  model: ResolvedModel | null;
  options: Record<string, unknown>;
  devices: readonly DeviceFacts[];
  context: PrepareContext;
}

const checkMemory = async (
  spec: WorkerSpec,
  fit: Fitting,
  check: MemoryCheck,
): Promise<{ ram: number; vram: number } | null> => {
  if (!check.model) return null;
  const { variant, device, binary } = fit;
  const estimate = await check.handle.estimate(check.model.facts, {
    variant,
    device,
    options: check.options,
    binary: { id: binary.id },
  });
  if (!estimate) return null;
  if (!spec.force) refuseIfTooBig(check.model.facts.reference, estimate, device, check);
  return estimate;
};

const refuseIfTooBig = (
  what: string,
  estimate: { ram: number; vram: number },
  device: Device,
  check: MemoryCheck,
): void => {
  const freeOf = (id: string): number | undefined => {
    const free = check.devices.find((known) => known.id === id)?.memory?.free;
    return free === undefined ? undefined : free - (check.context.promised.get(id) ?? 0);
  };
  const needs: [string, number, number | undefined][] = [['main memory', estimate.ram, freeOf('cpu')]];
  if (device.kind !== 'cpu') {
    const shares = deviceIds(device).map(freeOf);
    const free = shares.every((share) => share !== undefined)
      ? shares.reduce((sum, share) => sum + share, 0)
      : undefined;
    needs.push([formatDevice(device), estimate.vram, free]);
  }
  for (const [where, needed, free] of needs) {
    if (free === undefined || needed <= free) continue;
    throw RbeeError.of('NOT_ENOUGH_MEMORY', {
      what,
      needed: formatBytes(needed),
      where,
      free: formatBytes(Math.max(0, free)),
    });
  }
};
