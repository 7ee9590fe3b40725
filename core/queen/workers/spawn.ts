/** Spawns a worker on a hive, under a name that is unambiguous in the fleet. */
import { localAlias } from '../../config/hive-entry.ts';
import type { WorkerSpawnInput } from '../../contract/api/operations.ts';
import { RbeeError } from '../../contract/errors.ts';
import {
  formatModelReference,
  looksLikeReference,
  parseModelReference,
  servedName,
} from '../../contract/model-reference.ts';
import type { WorkerSpec, WorkerView } from '../../contract/worker.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { workerView } from '../fleet/views.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Provision, Wanted, WantedModel } from '../provision/provision.ts';
import { withReferences } from './known-model.ts';

/** Timeout for a hive that has just been started. */
const onlineTimeoutMs = 10_000;

export interface SpawnDeps {
  fleet: Fleet;
  provision: Provision;
}

/** Provides what the worker lacks, and spawns it. Errors: any from either. */
export const spawnWorker = async (
  parts: SpawnDeps,
  input: WorkerSpawnInput,
  context: JobContext,
): Promise<WorkerView> => {
  const spec = await provideFor(parts, input, context);
  const { hive = localAlias } = input;
  const { job, signal, narrate } = context;
  const member = parts.fleet.online(hive);
  const worker = await member.connection.client.spawn(spec, { signal, narrate, job });
  member.apply(worker);
  return workerView(worker, hive, false);
};

/** Provides what a spawn would lack, and returns the spec for the hive. Errors: those that would refuse the spawn. */
export const provideFor = async (
  { fleet, provision }: SpawnDeps,
  { hive = localAlias, ask = false, ...given }: WorkerSpawnInput,
  context: JobContext,
): Promise<WorkerSpec> => {
  const member = fleet.member(hive);
  // Wait for a hive that is coming up. A stopped one is refused at once.
  if (member.status === 'unreachable') await member.online(onlineTimeoutMs, context.signal);
  const spec = await withReferences(fleet.online(hive).connection.client, given);
  refuseClash(fleet, spec, hive);
  await provision.launch(hive, { worker: spec }, wantedOf(spec, given), ask ? context : { ...context, ask: sayNo });
  return spec;
};

const sayNo = async (): Promise<string> => 'no';

/**
 * `spec` has references instead of names; `given` is what a person wrote. The queen downloads only models that were
 * written as references.
 */
const wantedOf = ({ type, variant, options, model, components }: WorkerSpec, given: WorkerSpec): Wanted => {
  const about = { type, ...(options && { options }) };
  const one = (reference: string, written: string | undefined, component?: string): WantedModel => ({
    request: { ...about, model: reference, ...(component !== undefined && { component }) },
    isWritten: written !== undefined && looksLikeReference(written),
  });
  const parts = Object.entries(components ?? {}).map(([name, text]): [string, WantedModel] => [
    name,
    one(text, given.components?.[name], name),
  ]);
  const main: [string, WantedModel][] = model === undefined ? [] : [['main', one(model, given.model)]];
  return { type, variant, options, models: Object.fromEntries([...main, ...parts]) };
};

/**
 * A served name must mean one model in the whole fleet, which only the queen can check. Ids need only be unique on
 * their hive, so that no hive can block an id for others.
 */
const refuseClash = (fleet: Fleet, spec: Omit<WorkerSpawnInput, 'hive'>, hive: string): void => {
  const reference = spec.model === undefined ? undefined : parseModelReference(spec.model);
  const name = spec.name ?? (reference && servedName(reference));
  const written = reference && formatModelReference(reference);
  for (const worker of fleet.workers()) {
    if (worker.hive === hive) continue;
    if (worker.state === 'stopped' || worker.state === 'failed') continue;
    if (name === undefined || !worker.names.includes(name)) continue;
    // A worker without a model serves its type.
    const isSame =
      written === undefined ? worker.reference === null && worker.type === spec.type : worker.reference === written;
    if (isSame) continue;
    throw RbeeError.of('NAME_CONFLICT', { name, model: worker.reference ?? worker.type, worker: worker.id });
  }
};
