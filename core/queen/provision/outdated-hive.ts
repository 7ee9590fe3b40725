/**
 * Hives with an older rbee: they cannot report what they lack, and accept only plugins of an older contract. What is
 * installed there works until they are updated.
 */

import type { HiveState } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { HiveNeed, NeedsRequest } from '../../contract/worker-type/needs.ts';
import { type HiveCall, type HiveClient, outdated } from '../../hive/client.ts';

/** What the hive lacks next. If it is too old to tell, returns the error. Throws other errors of `needs`. */
export const needsIfKnown = async (
  client: Pick<HiveClient, 'needs'>,
  request: NeedsRequest,
  call: HiveCall,
): Promise<HiveNeed | null | RbeeError> => {
  try {
    return await client.needs(request, call);
  } catch (error) {
    if (isOutdated(error)) return error;
    throw error;
  }
};

/**
 * Lets a launch continue on a hive that cannot report what it lacks, with a warning. Errors: HIVE_OUTDATED if the type
 * is missing and only the queen could bring it.
 */
export const launchAnyway = (
  { alias, state, isRemote }: { alias: string; state: HiveState | undefined; isRemote: boolean },
  type: string | undefined,
  { narrate }: Required<Pick<HiveCall, 'narrate'>>,
  reason: RbeeError,
): void => {
  const lacksType = type !== undefined && state && !state.catalog.some((entry) => entry.type === type);
  if (isRemote && lacksType) throw outdated(alias, `get the worker type ${type} from the queen`, reason);
  narrate({ kind: 'warning', text: `hive ${alias} runs an older rbee: it may lack something`, hint: reason.hint });
};

/**
 * Explains why a hive refused a plugin: an older hive applies older rules. Returns the error unchanged if the hive is
 * current.
 */
export const whyRefused = async (
  error: unknown,
  hive: string,
  client: Pick<HiveClient, 'needs'>,
  { signal }: HiveCall,
): Promise<unknown> => {
  if (!(error instanceof RbeeError) || !refusals.has(error.code)) return error;
  // Any request shows whether the hive supports `needs`.
  const answer = await needsIfKnown(client, { start: { id: 'any' } }, { signal }).catch(() => null);
  return answer instanceof RbeeError ? outdated(hive, `accept this plugin (${error.message})`, error) : error;
};

const refusals = new Set<string>(['PLUGIN_INVALID', 'PLUGIN_API_VERSION', 'INVALID_INPUT']);

const isOutdated = (error: unknown): error is RbeeError => error instanceof RbeeError && error.code === 'HIVE_OUTDATED';
