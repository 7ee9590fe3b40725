/** Secrets: stored, listed and deleted on the machine of the queen. Values go in, and never come out. */
import { type HivesConf, hivesConfFile, loadHivesConf } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { Narrate } from '../../contract/narration.ts';
import type { SecretView } from '../../contract/secret-reference.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import { secretUses } from '../secrets/uses.ts';
import type { Handler } from './services.ts';

export interface SecretParts {
  fleet: Fleet;
  secrets: QueenSecrets;
  paths: Pick<Paths, 'config' | 'isChosen'>;
}

export const setSecret =
  ({ fleet, secrets, paths }: SecretParts): Handler<'secret_set'> =>
  async ({ name, value }, { narrate }) => {
    await secrets.store.set(name, value);
    const entry = (await secrets.store.list()).find((one) => one.name === name);
    if (!entry) throw await secrets.notFound(name);
    return { ...entry, uses: secretUses(fleet, declared(paths, narrate)).get(name) ?? [] };
  };

export const listSecrets =
  (services: SecretParts): Handler<'secret_list'> =>
  async (_input, { narrate }) => ({ secrets: await secretViews(services, narrate) });

/** All that are stored. */
export const secretViews = async (
  { fleet, secrets, paths }: SecretParts,
  narrate: Narrate = () => {},
): Promise<SecretView[]> => {
  const uses = secretUses(fleet, declared(paths, narrate));
  return (await secrets.store.list()).map((entry) => ({ ...entry, uses: uses.get(entry.name) ?? [] }));
};

export const deleteSecret =
  ({ fleet, secrets, paths }: SecretParts): Handler<'secret_delete'> =>
  async ({ name }, { narrate }) => {
    const entry = (await secrets.store.list()).find((one) => one.name === name);
    if (!entry || !(await secrets.store.delete(name))) throw await secrets.notFound(name);
    return { ...entry, uses: secretUses(fleet, declared(paths, narrate)).get(name) ?? [] };
  };

/** Before anything is fetched or started for it. Errors: SECRET_NOT_FOUND. */
export const withSecrets =
  ({ secrets }: Pick<SecretParts, 'secrets'>, spawn: Handler<'worker_spawn'>): Handler<'worker_spawn'> =>
  async (input, context) => {
    await secrets.check(input);
    return spawn(input, context);
  };

/** The same for a worker that is there. Errors: also WORKER_NOT_FOUND, WORKER_AMBIGUOUS. */
export const withSecretsAgain =
  <Name extends 'worker_start' | 'worker_restart'>(
    { fleet, secrets }: Pick<SecretParts, 'fleet' | 'secrets'>,
    change: Handler<Name>,
  ): Handler<Name> =>
  async (input, context) => {
    await secrets.checkAgain(fleet.owner(input).connection.alias, input.worker);
    return change(input, context);
  };

/** A file that is wrong must not keep anyone from changing a secret. */
const declared = (paths: SecretParts['paths'], narrate: Narrate): HivesConf | null => {
  try {
    return loadHivesConf(hivesConfFile(paths), { isChosen: paths.isChosen });
  } catch (error) {
    if (!(error instanceof RbeeError)) throw error;
    narrate({
      kind: 'warning',
      text: `hives.conf cannot be read, so what it declares is not counted: ${error.message}`,
    });
    return null;
  }
};
