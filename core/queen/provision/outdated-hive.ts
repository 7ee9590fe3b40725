/**
 * Hives of an older rbee: they cannot say what they lack, and take only plugins of the contract that they know. What they
 * have works with them until they are brought up to date.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveState } from '../../contract/hive-api.ts';
import type { HiveNeed, NeedsRequest } from '../../contract/needs.ts';
import { type HiveCall, type HiveClient, outdated } from '../../hive/client.ts';

/** What it lacks next; the reason where it is too old to say. Other errors are those of `needs`. */
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
 * Lets a launch go on with a hive that cannot say what it lacks, and says so. Errors: HIVE_OUTDATED, where the type is
 * not there and only the queen could bring it.
 */
export const launchAnyway = (
  { alias, state, isRemote }: { alias: string; state: HiveState | undefined; isRemote: boolean },
  type: string | undefined,
  { narrate }: Required<Pick<HiveCall, 'narrate'>>,
  reason: RbeeError,
): void => {
  const lacksType = type !== undefined && state && !state.catalog.some((entry) => entry.type === type);
  if (isRemote && lacksType) throw outdated(alias, `be given the worker type ${type}`, reason);
  narrate({ kind: 'warning', text: `hive ${alias} runs an older rbee: it may lack something`, hint: reason.hint });
};

/**
 * Why a hive refuses a plugin: an older one does so by older rules. Gives the error as it is where the hive is up to date.
 */
export const whyRefused = async (
  error: unknown,
  hive: string,
  client: Pick<HiveClient, 'needs'>,
  { signal }: HiveCall,
): Promise<unknown> => {
  if (!(error instanceof RbeeError) || !refusals.has(error.code)) return error;
  // Any question will do.
  const answer = await needsIfKnown(client, { start: { id: 'any' } }, { signal }).catch(() => null);
  return answer instanceof RbeeError ? outdated(hive, `take this plugin (${error.message})`, error) : error;
};

const refusals = new Set<string>(['PLUGIN_INVALID', 'PLUGIN_API_VERSION', 'INVALID_INPUT']);

const isOutdated = (error: unknown): error is RbeeError => error instanceof RbeeError && error.code === 'HIVE_OUTDATED';
