/** What a caller may ask of the operations API, beyond the scope of its key. */
import { localAlias } from '../../config/hive-entry.ts';
import { includesScope } from '../../contract/api/access.ts';
import { neededScope, type OperationName, operations } from '../../contract/api/operations.ts';
import type { FleetStatus } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { Caller } from '../../gateway/access/caller.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { WorkerName } from '../fleet/worker-key.ts';

/** Throws SCOPE_MISSING, NOT_PERMITTED. */
export const checkOperation = (caller: Caller, name: OperationName, input: unknown): void => {
  const needed = neededScope(name, input);
  if (!includesScope(caller.scope, needed)) {
    const what = `the operation ${name}${needed === operations[name].scope ? '' : ' with this input'}`;
    throw RbeeError.of('SCOPE_MISSING', { what, needed, who: caller.name, granted: caller.scope });
  }
  if (caller.key?.hives) checkHives(caller, name, input as { hive?: string; hives?: readonly string[] });
};

/** Throws NOT_PERMITTED for a key that is limited to models: operations see and change workers of all models. */
export const checkLimits = ({ key, name }: Caller): void => {
  if (!key?.models) return;
  const hint = 'use a key that is not limited to models';
  throw RbeeError.of('NOT_PERMITTED', { who: name, action: 'use operations', hint });
};

/** Throws NOT_PERMITTED if the key of the caller is limited to other hives. */
export const checkHive = ({ key, name }: Caller, hive: string): void => {
  if (!key?.hives || key.hives.includes(hive)) return;
  const hint = `it may use: ${key.hives.join(', ')}`;
  throw RbeeError.of('NOT_PERMITTED', { who: name, action: `use hive ${hive}`, hint });
};

/** Whether views of this hive may be shown to the caller. */
export const seesHive = ({ key }: Caller, hive: string): boolean => key?.hives?.includes(hive) ?? true;

/** Throws NOT_PERMITTED, and the errors of `Fleet.worker`; none of them names a worker or hive that the caller may not see. */
export const visibleWorker = (
  caller: Caller,
  fleet: Pick<Fleet, 'worker' | 'workers'>,
  name: WorkerName,
): WorkerView => {
  if (name.hive !== undefined) checkHive(caller, name.hive);
  if (!caller.key?.hives || name.hive !== undefined) return fleet.worker(name);
  const named = fleet.workers().filter(({ id }) => id === name.worker);
  const [visible] = named.filter(({ hive }) => seesHive(caller, hive));
  if (visible) return visible;
  for (const { hive } of named) checkHive(caller, hive);
  throw RbeeError.of('WORKER_NOT_FOUND', { worker: name.worker, near: '' });
};

/** A key for some hives must name them: what an operation does without a name concerns all. */
const checkHives = (
  caller: Caller,
  operation: OperationName,
  { hive, hives }: { hive?: string; hives?: readonly string[] },
) => {
  const given = hives ?? (hive === undefined ? [] : [hive]);
  if (given.length === 0) {
    if (operation === 'worker_spawn') return checkHive(caller, localAlias);
    const hint = `name one of its hives: ${caller.key?.hives?.join(', ')}`;
    throw RbeeError.of('NOT_PERMITTED', { who: caller.name, action: `use ${operation} on all hives`, hint });
  }
  for (const one of given) checkHive(caller, one);
};

/** The part of the fleet that the caller may see. */
export const visibleStatus = (caller: Caller, status: FleetStatus): FleetStatus => {
  if (!caller.key?.hives) return status;
  const workers = status.workers.filter(({ hive }) => seesHive(caller, hive));
  const names = new Set(workers.flatMap((worker) => worker.names));
  const { drift: _, ...rest } = status;
  return {
    ...rest,
    hives: status.hives.filter(({ alias }) => seesHive(caller, alias)),
    workers,
    models: status.models.filter((model) => names.has(model)),
  };
};
