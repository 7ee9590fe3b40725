/** Operations on secrets, which are stored on the queen's machine. Values can be set, and are never returned. */
import { type HivesConf, hivesConfFile, loadHivesConf } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { type SecretUse, type SecretView, secretsOf } from '../../contract/secret-reference.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import type { Handler } from './services.ts';

export interface SecretDeps {
  fleet: Fleet;
  secrets: QueenSecrets;
  paths: Pick<Paths, 'config' | 'isChosen'>;
}

/** Stores a value, and returns the secret without it. */
export const setSecret =
  ({ fleet, secrets, paths }: SecretDeps): Handler<'secret_set'> =>
  async ({ name, value }, { narrate }) => {
    await secrets.store.set(name, value);
    const entry = (await secrets.store.list()).find((one) => one.name === name);
    if (!entry) throw await secrets.notFound(name);
    return { ...entry, uses: secretUses(fleet, declared(paths, narrate)).get(name) ?? [] };
  };

export const listSecrets =
  (services: SecretDeps): Handler<'secret_list'> =>
  async (_input, { narrate }) => ({ secrets: await secretViews(services, narrate) });

/** All secrets, without values. */
export const secretViews = async (
  { fleet, secrets, paths }: SecretDeps,
  narrate: Narrate = () => {},
): Promise<SecretView[]> => {
  const uses = secretUses(fleet, declared(paths, narrate));
  return (await secrets.store.list()).map((entry) => ({ ...entry, uses: uses.get(entry.name) ?? [] }));
};

/** Deletes a secret even if workers use it; they are in `uses`. Errors: SECRET_NOT_FOUND. */
export const deleteSecret =
  ({ fleet, secrets, paths }: SecretDeps): Handler<'secret_delete'> =>
  async ({ name }, { narrate }) => {
    const entry = (await secrets.store.list()).find((one) => one.name === name);
    if (!entry || !(await secrets.store.delete(name))) throw await secrets.notFound(name);
    return { ...entry, uses: secretUses(fleet, declared(paths, narrate)).get(name) ?? [] };
  };

/** Checks the secrets before anything is downloaded or started. Errors: SECRET_NOT_FOUND. */
export const withSecrets =
  ({ secrets }: Pick<SecretDeps, 'secrets'>, spawn: Handler<'worker_spawn'>): Handler<'worker_spawn'> =>
  async (input, context) => {
    await secrets.check(input);
    return spawn(input, context);
  };

/** Like `withSecrets`, for an existing worker. Errors: also WORKER_NOT_FOUND, WORKER_AMBIGUOUS. */
export const withWorkerSecrets =
  <Name extends 'worker_start' | 'worker_restart'>(
    { fleet, secrets }: Pick<SecretDeps, 'fleet' | 'secrets'>,
    change: Handler<Name>,
  ): Handler<Name> =>
  async (input, context) => {
    await secrets.checkAgain(fleet.owner(input).connection.alias, input.worker);
    return change(input, context);
  };

/** An invalid file must not prevent changes to secrets. */
const declared = (paths: SecretDeps['paths'], narrate: Narrate): HivesConf | null => {
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

/** Workers and entries of hives.conf that use each secret, by its name. */
const secretUses = (fleet: Fleet, conf: HivesConf | null): Map<string, SecretUse[]> => {
  const uses = new Map<string, SecretUse[]>();
  const add = (names: readonly string[], use: SecretUse): void => {
    for (const name of names) uses.set(name, [...(uses.get(name) ?? []), use]);
  };
  for (const { connection, workers } of fleet.members()) {
    for (const { id, state, spec } of workers.values()) {
      if (spec) add(secretsOf(spec), { kind: 'worker', hive: connection.alias, worker: id, state });
    }
  }
  for (const { alias, run } of conf?.hives ?? []) {
    for (const entry of run) {
      add(secretsOf(entry), { kind: 'declared', hive: alias, type: entry.type, line: entry.line });
    }
  }
  return uses;
};
