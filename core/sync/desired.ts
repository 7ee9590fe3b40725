/** From the declarations of `hives.conf` to the desired state: all versions resolved, all workers named. */

import { localAlias } from '../config/hive-entry.ts';
import { replicaIds } from '../config/replica-ids.ts';
import type {
  DeclaredRun,
  DeclaredType,
  DesiredHive,
  DesiredType,
  DesiredWorker,
  HiveDeclaration,
} from '../contract/api/sync.ts';
import { asRbeeError, RbeeError } from '../contract/errors.ts';
import type { WorkerSpec } from '../contract/worker.ts';
import { fingerprint } from './fingerprint.ts';
import { entryNames } from './worker-ids.ts';

/** Resolves a version range of a worker type, by the lock or the registry. */
export type ResolveType = (
  type: string,
  range: string,
) => Promise<Pick<DesiredType, 'package' | 'version' | 'integrity'>>;

export interface DesiredOptions {
  resolve: ResolveType;
  /** Explains a failure, with its place in the file and the nearest names. */
  explain?: (error: RbeeError, hive: string, wanted: DeclaredType) => Promise<RbeeError>;
  /** The version of rbee for other machines, `<core version>-<hash8>`. */
  version: string;
}

/** All hives of the file. Types that cannot be resolved are in `unresolved`; the rest of their hive is complete. */
export const desiredHives = async (
  hives: readonly HiveDeclaration[],
  { resolve, version, explain = async (error) => error }: DesiredOptions,
): Promise<DesiredHive[]> => {
  const names = entryNames(hives);
  const resolveOnce = remembered(resolve);
  return Promise.all(
    hives.map(async (hive) => ({
      alias: hive.alias,
      version: hive.alias === localAlias ? null : version,
      autoStart: hive.autoStart,
      ...(await resolvedTypes(hive, resolveOnce, explain)),
      models: hive.models,
      workers: hive.run.flatMap((entry) => replicas(entry, names.get(entry)!)),
    })),
  );
};

/** The types that a hive declares, and those that its workers need as well. */
export const neededTypes = ({ workers, run }: HiveDeclaration): HiveDeclaration['workers'] => {
  const needed = [...workers];
  for (const { type, variant, line } of run) {
    const declared = needed.find((one) => one.type === type);
    const isThere =
      declared && (variant === null || needed.some((one) => one.type === type && one.variant === variant));
    if (!isThere) needed.push({ type, version: declared?.version ?? 'latest', variant, line });
  }
  return needed;
};

const resolvedTypes = async (
  hive: HiveDeclaration,
  resolve: ResolveType,
  explain: NonNullable<DesiredOptions['explain']>,
): Promise<Pick<DesiredHive, 'types' | 'unresolved'>> => {
  const types: DesiredType[] = [];
  const unresolved = new Map<string, DesiredHive['unresolved'][number]>();
  const needed = neededTypes(hive);
  const found = await Promise.allSettled(needed.map(({ type, version }) => resolve(type, version)));
  for (const [index, wanted] of needed.entries()) {
    const { type, variant } = wanted;
    const result = found[index]!;
    if (result.status === 'rejected') {
      const error = await explain(asRbeeError(result.reason, 'the resolving of versions'), hive.alias, wanted);
      unresolved.set(type, { type, error: error.toJSON() });
      continue;
    }
    const clash = types.find((one) => one.package === result.value.package && one.version !== result.value.version);
    if (!clash) types.push({ type, ...result.value, variant });
    else {
      const details = { hive: hive.alias, first: clash.type, second: type, package: clash.package };
      unresolved.set(type, { type, error: RbeeError.of('SYNC_VERSION_CONFLICT', details).toJSON() });
    }
  }
  return { types, unresolved: [...unresolved.values()] };
};

const replicas = (entry: DeclaredRun, name: string): DesiredWorker[] => {
  const spec = specOf(entry);
  const declaration = fingerprint(spec);
  return replicaIds(name, entry.replicas).map((id) => {
    return { id, group: name, declaration, spec: { ...spec, id, declaration } };
  });
};

/** Options that are not declared stay absent, so the hive chooses. */
const specOf = (entry: DeclaredRun): WorkerSpec => {
  const { type, variant, device, model, name, options, environment, components, restart, memoryLimit, cpuLimit } =
    entry;
  return {
    type,
    ...(variant !== null && { variant }),
    ...(device !== null && { device }),
    ...(model !== null && { model }),
    ...(name !== null && { name }),
    ...(Object.keys(options).length > 0 && { options: { ...options } }),
    ...(Object.keys(environment).length > 0 && { environment: { ...environment } }),
    ...(Object.keys(components).length > 0 && { components: { ...components } }),
    ...(restart !== null && { restart }),
    ...(memoryLimit !== null && { memoryLimit }),
    ...(cpuLimit !== null && { cpuLimit }),
  };
};

/** Resolves each type once for all machines. */
const remembered = (resolve: ResolveType): ResolveType => {
  const asked = new Map<string, ReturnType<ResolveType>>();
  return (type, range) => {
    const key = JSON.stringify([type, range]);
    const answer = asked.get(key) ?? resolve(type, range);
    asked.set(key, answer);
    return answer;
  };
};
