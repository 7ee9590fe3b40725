/**
 * Turns a user's request into a launch that can be started, or into the error that explains why not. Changes nothing.
 */

import { randomBytes } from 'node:crypto';
import { type Device, deviceIds, formatDevice } from '../../contract/device.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, servedName } from '../../contract/model-reference.ts';
import { insideFolder, plainPath } from '../../contract/safe-path.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { DeviceFacts, StopContract } from '../../contract/worker-type/worker-type.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import type { Candidate } from '../../worker-types/device-choice.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { ResolvedModel } from '../models/model-files.ts';
import type { Ready } from '../programs/assess-variant.ts';
import { bestReady } from './choose-candidate.ts';
import type { LaunchDraft } from './launch-draft.ts';
import { type LaunchPlan, type PlanContext, planLaunch, withSteadyCode } from './launch-plan.ts';
import { offerOf } from './offer.ts';

const defaultStop: StopContract = { signals: [{ signal: 'SIGTERM', graceMs: 2_000 }] };

/**
 * Installs and downloads nothing. The queen first calls `launchNeeds` and brings what is missing; anything still
 * missing is an error that names it. Throws what `planLaunch` throws, NOT_INSTALLED, MODEL_NOT_DOWNLOADED, BINARY_NOT_FOUND,
 * NOT_ENOUGH_MEMORY.
 */
export const prepareLaunch = (spec: WorkerSpec, context: PlanContext): Promise<LaunchDraft> =>
  withSteadyCode(() => prepare(spec, context));

const prepare = async (spec: WorkerSpec, context: PlanContext): Promise<LaunchDraft> => {
  const plan = await planLaunch(spec, context);
  const { handle, type, options, environment, wanted, devices } = plan;
  const fit = await chooseFitting(plan);
  if (spec.device === undefined) {
    context.narrate({ kind: 'info', text: `no device given: using ${formatDevice(fit.device)}` });
  }
  const model = foundModel(plan, context);
  await refuseOptions(fit, { handle, options });
  const reference = wanted?.main ?? null;
  const estimate = await checkMemory(spec, fit, { handle, model, options, devices, context });
  const { variant, device, binary, probes } = fit;
  const deviceFlags = await handle.deviceFlags(variant, device);
  const models = model?.files ?? {};
  const launch = {
    variant,
    device,
    deviceFlags,
    options,
    binary,
    probes,
    models,
    ...(model && { model: model.facts }),
  };
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
      ...new Set([spec.name ?? (reference ? servedName(reference) : type.name), ...(await handle.aliases(options))]),
    ],
    models,
    options,
    environment,
    binary: fit.binary,
    ...adapterOf(type, fit),
    deviceFlags,
    apiKey: randomBytes(24).toString('base64url'),
    ...(await offerOf(handle, type, launch)),
    health: type.health,
    stop: (type.stop as StopContract | undefined) ?? defaultStop,
    load: type.load ?? null,
    probes: fit.probes,
    estimate,
  };
};

type Fitting = Candidate & Pick<Ready, 'binary' | 'root' | 'probes'>;

const chooseFitting = async ({ candidates, judge, handle, type }: LaunchPlan): Promise<Fitting> => {
  const { candidate, found } = await bestReady(candidates, judge);
  if (found.state === 'ready') return { ...candidate, ...found };
  const what = found.need.kind === 'program' ? `a program for ${type.name}` : type.name;
  const known = `${handle.plugin.package} ${handle.plugin.version}`;
  throw RbeeError.of('NOT_INSTALLED', { name: `${what} (${candidate.variant})`, known });
};

const foundModel = ({ wanted, found: { missing, model } }: LaunchPlan, { hive }: PlanContext): ResolvedModel | null => {
  const [first] = missing;
  if (!wanted || first === undefined) return model;
  const missed = first === 'main' ? wanted.main : wanted.components[first];
  const reference = missed ? formatModelReference(missed) : first;
  throw RbeeError.of('MODEL_NOT_DOWNLOADED', { model: reference, hive, near: '', reference });
};

const adapterOf = ({ adapter }: TypeDescription, { binary, root }: Fitting): Pick<LaunchDraft, 'adapter'> =>
  adapter && (adapter.for?.includes(binary.id) ?? true)
    ? { adapter: insideFolder(root, plainPath(adapter.script)) }
    : {};

/** Throws OPTION_INVALID. */
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
  context: PlanContext;
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
