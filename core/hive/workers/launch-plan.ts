/**
 * From what was asked for to all that is decided before a launch: the type, its options, the models, and how each
 * combination of variant and device is judged. Changes nothing.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveNeed } from '../../contract/needs.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { DeviceFacts } from '../../contract/worker-type.ts';
import { nearest } from '../../narration/near.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { type Candidate, candidatesFor, rankDevices, type VariantChoice } from '../../worker-types/device-choice.ts';
import { checkEnvironment, resolveOptions } from '../../worker-types/worker-options.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { Ask } from '../devices/device-source.ts';
import type { Machine } from '../machine.ts';
import type { Call } from '../models/call.ts';
import { type FoundModels, findModels, type WantedModels, wantedModels } from '../models/launch-models.ts';
import type { Models } from '../models/models.ts';
import { type AssessContext, type Assessment, assessVariant } from '../programs/assess-variant.ts';
import { bestPossible } from './choose-candidate.ts';
import type { LaunchDraft } from './launch-draft.ts';
import { likelyFormat } from './likely-format.ts';

export interface PlanContext extends AssessContext, Call {
  types: WorkerTypes;
  models: Pick<Models, 'find' | 'onlyOne' | 'headers'>;
  machine: Pick<Machine, 'facts'>;
  ask: Ask;
  /** Bytes promised to workers that have not taken them yet, by device id. */
  promised: ReadonlyMap<string, number>;
  /** What a worker that exists was started from last. */
  was?: LaunchDraft;
  /** Variants that are out of the question. */
  without?: readonly string[];
}

export interface LaunchPlan {
  handle: WorkerTypeHandle;
  type: TypeDescription;
  options: Record<string, unknown>;
  /** What the user gave for the environment of the engine. */
  environment: Record<string, string>;
  /** Null for a type that runs without a model. */
  wanted: WantedModels | null;
  found: FoundModels;
  devices: readonly DeviceFacts[];
  /** Best first; there is at least one. */
  candidates: readonly Candidate[];
  judge: (candidate: Candidate) => Promise<Assessment>;
}

/** How often it begins again where the code of a linked plugin changes meanwhile. */
const maxAttempts = 3;

/** Does `work` with one state of the code of a linked plugin, and begins again where it was edited meanwhile. */
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

/** What a launch would lack next; null for nothing. Errors: those with which it would be refused. */
export const launchNeeds = (spec: WorkerSpec, context: PlanContext): Promise<HiveNeed | null> =>
  withSteadyCode(async () => {
    const { candidates, judge, found } = await planLaunch(spec, { ...context, narrate: () => {} });
    const best = (await bestPossible(candidates, judge)).found;
    // What may be many gigabytes is only brought in where it can be run.
    if (best.state === 'lacking') return best.need;
    return found.missing.length > 0 ? { kind: 'models', models: found.missing } : null;
  });

/** Errors: TYPE_NOT_FOUND, WORKER_PLUGIN_MISSING, OPTION_INVALID, MODEL_…, DEVICE_…, VARIANT_…, and faults of the plugin. */
export const planLaunch = async (spec: WorkerSpec, context: PlanContext): Promise<LaunchPlan> => {
  // While the plugin is being loaded: both take tens of milliseconds.
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

/**
 * Of the package that the worker was started from: a type of the same name may be another publisher's, whose code nobody
 * asked for. Errors: WORKER_PLUGIN_MISSING, and the fault of the type.
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
    problem: other === undefined ? 'does not have it any more' : `now has ${type} from ${other}`,
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
    reasons: `it does not drive ${wanted}`,
    hint: `its variants: ${known.join(', ')}`,
  });
};
