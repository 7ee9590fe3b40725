/**
 * Decides everything before a launch: the type, its options, the models, and how to judge each combination of variant
 * and device. Changes nothing.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { ModelReference } from '../../contract/model-reference.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { HiveNeed } from '../../contract/worker-type/needs.ts';
import type { DeviceFacts, ModelFormat } from '../../contract/worker-type/worker-type.ts';
import { nearest } from '../../narration/near.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { type Candidate, candidatesFor, rankDevices, type VariantChoice } from '../../worker-types/device-choice.ts';
import { checkEnvironment, resolveOptions } from '../../worker-types/worker-options.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { Ask } from '../devices/device-source.ts';
import type { Machine } from '../machine.ts';
import type { Call } from '../models/call.ts';
import { weightFormat } from '../models/files/weights.ts';
import { type FoundModels, findModels, type WantedModels, wantedModels } from '../models/launch-models.ts';
import type { Models } from '../models/models.ts';
import { type AssessContext, type Assessment, assessVariant } from '../programs/assess-variant.ts';
import { bestPossible } from './choose-candidate.ts';
import type { LaunchDraft } from './launch-draft.ts';

export interface PlanContext extends AssessContext, Call {
  types: WorkerTypes;
  models: Pick<Models, 'find' | 'onlyOne' | 'headers'>;
  machine: Pick<Machine, 'facts'>;
  ask: Ask;
  /** Bytes reserved for workers that have not allocated them yet, by device id. */
  promised: ReadonlyMap<string, number>;
  /** What an existing worker was last started from. */
  was?: LaunchDraft;
  /** Variants to exclude. */
  without?: readonly string[];
}

export interface LaunchPlan {
  handle: WorkerTypeHandle;
  type: TypeDescription;
  options: Record<string, unknown>;
  /** Environment variables of the engine, set by the user. */
  environment: Record<string, string>;
  /** Null for a type that runs without a model. */
  wanted: WantedModels | null;
  found: FoundModels;
  devices: readonly DeviceFacts[];
  /** Best first; never empty. */
  candidates: readonly Candidate[];
  judge: (candidate: Candidate) => Promise<Assessment>;
}

/** Attempts while the code of a linked plugin keeps changing. */
const maxAttempts = 3;

/** Runs `work` against one version of a linked plugin's code, and repeats it if the code is edited during it. */
export const withSteadyCode = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const hasChanged = error instanceof RbeeError && error.code === 'PLUGIN_CHANGED';
      if (!hasChanged || attempt === maxAttempts) throw error;
    }
  }
};

/** What a launch would be missing next; null for nothing. Throws the errors with which it would be refused. */
export const launchNeeds = (spec: WorkerSpec, context: PlanContext): Promise<HiveNeed | null> =>
  withSteadyCode(async () => {
    const { candidates, judge, found } = await planLaunch(spec, { ...context, narrate: () => {} });
    const best = (await bestPossible(candidates, judge)).found;
    // Models can be many gigabytes, so they are brought in only where they can run.
    if (best.state === 'lacking') return best.need;
    return found.missing.length > 0 ? { kind: 'models', models: found.missing } : null;
  });

/**
 * Throws TYPE_NOT_FOUND, WORKER_PLUGIN_MISSING, OPTION_INVALID, MODEL_…, DEVICE_…, VARIANT_…, and errors of the plugin.
 */
export const planLaunch = async (spec: WorkerSpec, context: PlanContext): Promise<LaunchPlan> => {
  // Measured while the plugin loads: both take tens of milliseconds.
  const measured = context.machine.facts();
  measured.catch(() => {});
  const { types, was, hive } = context;
  const handle = was ? await ownHandle(was, types, hive) : await types.get(spec.type);
  const type = await handle.describe();
  const options = resolveOptions(type, spec.options);
  const environment = checkEnvironment(type, spec.environment);
  const wanted = await wantedModels(spec, type, context);
  const found = wanted
    ? await findModels(wanted, { handle, type, options, hive, models: context.models }, context)
    : noModels;
  const { devices, host } = await measured;
  const format = found.format ?? (wanted ? formatByName(wanted, type) : undefined);
  const use = { handle, type, options, format, host: { ...host, devices, probes: {} } };
  return {
    handle,
    type,
    options,
    environment,
    wanted,
    found,
    devices,
    candidates: candidatesOf(spec, type, devices, context),
    judge: ({ variant }) => assessVariant(variant, use, context),
  };
};

const noModels: FoundModels = { missing: [], format: undefined, model: null };

const formatByName = ({ main }: WantedModels, type: TypeDescription) =>
  main.kind === 'hf' || main.kind === 'https' ? likelyFormat(main, type) : undefined;

/** The format that the file name of a model not yet downloaded suggests, if the type loads that format. */
export const likelyFormat = (
  reference: Extract<ModelReference, { kind: 'hf' | 'https' }>,
  { models }: Pick<TypeDescription, 'models'>,
): ModelFormat | undefined => {
  const file = reference.kind === 'https' ? new URL(reference.url).pathname : (reference.select ?? '');
  const format = weightFormat(file);
  return format !== undefined && models?.formats.includes(format) ? format : undefined;
};

/**
 * The type from the package that the worker was started with: another publisher's type of the same name would run code
 * that the user did not choose. Throws WORKER_PLUGIN_MISSING, and the error of the type.
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
  throw RbeeError.of('WORKER_PLUGIN_MISSING', {
    package: `${plugin} ${pluginVersion}`,
    hive,
    problem: other === undefined ? 'no longer has it' : `now has ${type} from ${other}`,
    hint:
      other === undefined
        ? `bring it back with: ${again}, or delete the worker`
        : `spawn another worker to run ${type} of ${other}, or uninstall that and run: ${again}`,
  });
};

export const spawnCommand = (type: string) => (device: string) => `rbee worker spawn --type ${type} --device ${device}`;

const candidatesOf = (
  spec: WorkerSpec,
  type: TypeDescription,
  devices: readonly DeviceFacts[],
  { hive, promised, without = [] }: PlanContext,
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
    .filter(({ id }) => (spec.variant === undefined || id === spec.variant) && !without.includes(id))
    .map((variant) => ({ id: variant.id, devices: variant.devices ?? [variant.id] }));
  const candidates =
    spec.device === undefined
      ? rankDevices(variants, devices, promised)
      : candidatesFor(spec.device, variants, devices, hive, spawnCommand(type.name));
  if (candidates.length > 0) return candidates;
  const wanted = spec.device ?? 'any device of this machine';
  throw RbeeError.of('VARIANT_INCOMPATIBLE', {
    type: type.name,
    variant: spec.variant ?? 'any variant',
    hive,
    reasons: `it does not support ${wanted}`,
    hint: `its variants: ${known.join(', ')}`,
  });
};
