/** Names for completion, from a running queen. Without a queen, quickly returns none. */
import type { Paths } from '../../config/paths.ts';
import type { KeyView } from '../../contract/api/access.ts';
import type { FleetStatus, JobView } from '../../contract/api/queen-api.ts';
import type { ModelView } from '../../contract/models.ts';
import type { SecretView } from '../../contract/secret-reference.ts';
import type { QueenAddress } from '../../queen/client/address.ts';
import { connectQueen } from '../queen-access.ts';
import { queenAddress } from '../queen-address.ts';
import type { Candidate, NameKind } from './complete.ts';

/** Short, because someone is waiting after pressing Tab. */
const timeoutMs = 1_000;

export const namesFrom =
  (paths: Paths, env: NodeJS.ProcessEnv) =>
  async (kind: NameKind): Promise<readonly Candidate[]> => {
    const known = await namesOf(kind, () => queenAddress(env, paths));
    const all = kind === 'hive' && !env['RBEE_QUEEN'] ? await withDeclared(known, paths) : known;
    return all.filter(({ value }) => isOneWord.test(value));
  };

/**
 * The shell inserts the candidate into the line, and bash does not quote it: a name such as `$(command)` would
 * run when the user presses Enter, and a name that begins with a dash would be a flag.
 */
const isOneWord = /^[\p{L}\p{N}_@./][\p{L}\p{M}\p{N}_@%+=:,./-]*$/u;

/** Declared machines are offered even if the queen does not know them yet, or is not running. */
const withDeclared = async (
  known: readonly Candidate[],
  paths: Pick<Paths, 'config'>,
): Promise<readonly Candidate[]> => {
  try {
    const { hivesConfFile, loadHivesConf } = await import('../../config/hives-conf.ts');
    const declared = loadHivesConf(hivesConfFile(paths), { isChosen: true })?.hives ?? [];
    const others = declared.filter(({ alias }) => !known.some(({ value }) => value === alias));
    return [...known, ...others.map(({ alias, hostname }) => ({ value: alias, about: hostname }))];
  } catch {
    return known;
  }
};

const namesOf = async (kind: NameKind, address: () => Promise<QueenAddress>): Promise<readonly Candidate[]> => {
  try {
    const queen = connectQueen(await address());
    const read = <Answer>(path: string) => queen.get<Answer>(path, { timeoutMs });
    if (kind === 'job') return jobs((await read<{ jobs: JobView[] }>('/v1/jobs?limit=50')).jobs);
    if (kind === 'reference') return models((await read<{ models: ModelView[] }>('/v1/hives/local/models')).models);
    if (kind === 'key') return keys((await read<{ keys: KeyView[] }>('/v1/keys')).keys);
    if (kind === 'secret') return secrets((await read<{ secrets: SecretView[] }>('/v1/secrets')).secrets);
    return ofFleet(kind, await read<FleetStatus>('/v1/status'));
  } catch {
    return [];
  }
};

const jobs = (list: readonly JobView[]): Candidate[] =>
  list.map(({ id, operation, state }) => ({ value: id, about: `${operation}, ${state}` }));

const models = (list: readonly ModelView[]): Candidate[] =>
  list.map(({ model, name, workers }) => ({ value: model, about: workers.length > 0 ? `${name}, in use` : name }));

const secrets = (list: readonly SecretView[]): Candidate[] =>
  list.map(({ name, uses }) => ({ value: name, about: uses.length > 0 ? 'in use' : 'unused' }));

const keys = (list: readonly KeyView[]): Candidate[] =>
  list
    .filter(({ state }) => state !== 'revoked')
    .map(({ name, scope, state }) => ({ value: name, about: `${scope}, ${state}` }));

const ofFleet = (
  kind: Exclude<NameKind, 'job' | 'reference' | 'secret' | 'key'>,
  { hives, workers, models }: FleetStatus,
): Candidate[] => {
  switch (kind) {
    case 'worker':
      return workers.map(({ id, model, state }) => ({ value: id, about: `${model ?? '-'}, ${state}` }));
    case 'hive':
      return hives.map(({ alias, status }) => ({ value: alias, about: status }));
    case 'model':
      return models.map((value) => ({ value, about: 'served now' }));
    case 'type':
      return hives.flatMap(({ types }) => types.map((value) => ({ value })));
    case 'device':
      return hives.flatMap(({ devices }) => devices.map(({ id, name }) => ({ value: id, about: name })));
  }
};
