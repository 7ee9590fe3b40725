/** What a caller may ask of the operations API, beyond the scope of its key. */
import { localAlias } from '../../config/hive-entry.ts';
import { includesScope } from '../../contract/api/access.ts';
import { neededScope, type OperationName, operations } from '../../contract/api/operations.ts';
import type { FleetStatus } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { Caller } from '../../gateway/access/caller.ts';

/** Throws SCOPE_MISSING, NOT_PERMITTED. */
export const checkOperation = (caller: Caller, name: OperationName, input: unknown): void => {
  const needed = neededScope(name, input);
  if (!includesScope(caller.scope, needed)) {
    const what = `the operation ${name}${needed === operations[name].scope ? '' : ' with this input'}`;
    throw RbeeError.of('SCOPE_MISSING', { what, needed, who: caller.name, granted: caller.scope });
  }
  if (caller.key?.hives) checkHives(caller, name, input as { hive?: string; hives?: readonly string[] });
};

/** Throws NOT_PERMITTED if the key of the caller is limited to other hives. */
export const checkHive = ({ key, name }: Caller, hive: string): void => {
  if (!key?.hives || key.hives.includes(hive)) return;
  const hint = `it may use: ${key.hives.join(', ')}`;
  throw RbeeError.of('NOT_PERMITTED', { who: name, action: `use hive ${hive}`, hint });
};

/** Whether views of this hive may be shown to the caller. */
export const seesHive = ({ key }: Caller, hive: string): boolean => key?.hives?.includes(hive) ?? true;

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
