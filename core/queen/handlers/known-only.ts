/**
 * Callers without scope `admin` start workers of installed types and known models only. `Provision` sees to it that nothing
 * is brought for them; this also refuses models that need no bringing, such as a file on the hive.
 */
import { localAlias } from '../../config/hive-entry.ts';
import { includesScope } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';
import { looksLikeReference } from '../../contract/model-reference.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { referenceOf } from '../workers/known-model.ts';
import type { Handler, QueenServices } from './services.ts';

interface Starts {
  hive?: string;
  type?: string;
  model?: string;
  components?: Readonly<Record<string, string>>;
}

/** The same handler, which throws NOT_PERMITTED for what only `admin` may bring. */
export const knownOnly =
  <Name extends 'worker_spawn' | 'infer' | 'model_load'>(
    { fleet, gateway }: Pick<QueenServices, 'fleet' | 'gateway'>,
    start: Handler<Name>,
  ): Handler<Name> =>
  async (input, context) => {
    const { caller } = context;
    if (includesScope(caller.scope, 'admin')) return start(input, context);
    const { hive = localAlias, type, model, components = {} }: Starts = input;
    const refuse = (action: string, hint: string) => RbeeError.of('NOT_PERMITTED', { who: caller.name, action, hint });
    if (type !== undefined && !fleet.catalog(hive).some((entry) => entry.type === type))
      throw refuse(`install the worker type ${type}`, 'ask for an installed type, or use a key with scope admin');
    for (const one of [...(model === undefined ? [] : [model]), ...Object.values(components)]) {
      // A worker may be served under a name that reads like a reference, so only other names say what is known.
      const isServed = !looksLikeReference(one) && gateway.names.named(one).length > 0;
      if (isServed || (await isKnown(fleet, hive, one))) continue;
      throw refuse(`bring the model ${one.slice(0, 200)}`, 'ask for a model that the hive has: rbee model list');
    }
    // Whether to trust a publisher is for `admin` to say.
    return start('ask' in input ? { ...input, ask: false } : input, context);
  };

const isKnown = async (fleet: Fleet, hive: string, model: string): Promise<boolean> => {
  // The demo model comes with its worker type.
  if (model === 'demo') return true;
  const reference = await referenceOf(fleet.online(hive).connection.client, model);
  // A name that no hive knows ends with an error that shows the nearest names.
  return reference !== null || !looksLikeReference(model);
};
