/** The steps from the observed to the desired state. Pure, and empty if there is no difference. */

import { localAlias } from '../config/hive-entry.ts';
import type {
  DesiredHive,
  DesiredType,
  DesiredWorker,
  Extra,
  HivePlan,
  ObservedHive,
  ObservedType,
  ObservedWorker,
  SyncPlan,
  SyncStep,
} from '../contract/api/sync.ts';
import { type ErrorBody, RbeeError } from '../contract/errors.ts';
import { fingerprint } from './fingerprint.ts';

export interface PlanOptions {
  /** Remove what is not declared. */
  removeExtra?: boolean;
  /** Reinstall hives and worker types that are installed. */
  force?: boolean;
}

/** The observed and desired state of a machine. `desired` is null if `hives.conf` does not name it. */
export interface HivePair {
  desired: DesiredHive | null;
  observed: ObservedHive;
}

export const planFleet = (config: string, pairs: readonly HivePair[], options: PlanOptions = {}): SyncPlan => {
  const hives = pairs.map((pair) => planHive(pair, options));
  const steps = hives.reduce((sum, hive) => sum + hive.steps.length, 0);
  return { config, hives, steps, inSync: steps === 0 && hives.every(({ problems }) => problems.length === 0) };
};

export const planHive = ({ desired, observed }: HivePair, options: PlanOptions = {}): HivePlan => {
  const { alias, hostname, status, error, complete } = observed;
  const about = { alias, hostname, status };
  if (status === 'unreachable') {
    return { ...about, steps: [], extra: [], problems: error ? [error] : [], complete: false, fine: 0 };
  }
  if (!desired) return { ...about, ...undeclared(observed, options), problems: [], complete: true, fine: 0 };
  const types = typeSteps(desired, observed, options);
  const models = modelSteps(desired, observed);
  const workers = workerSteps(desired, observed, options);
  const gone = removals(desired, observed, options);
  const rest = [...types.steps, ...models.steps, ...gone.workers, ...workers.steps, ...gone.types];
  return {
    ...about,
    // What a stopped hive has is unknown, so it must not be reported as missing.
    steps: [...hiveStep(desired, observed, rest.length > 0, options), ...(isUnseen(observed) ? [] : rest)],
    extra: gone.extra,
    problems: [...unresolvedTypes(desired, observed).values(), ...workers.problems],
    complete,
    fine: types.fine + models.fine + workers.fine,
  };
};

const isUnseen = ({ status, complete }: ObservedHive): boolean => status === 'stopped' && !complete;

/** A machine that the file does not name. The queen's own is never removed. */
const undeclared = (
  { alias, status }: ObservedHive,
  { removeExtra }: PlanOptions,
): Pick<HivePlan, 'steps' | 'extra'> => {
  if (alias === localAlias || status === 'absent') return { steps: [], extra: [] };
  return { steps: removeExtra ? [{ kind: 'uninstall_hive', purge: false }] : [], extra: [{ kind: 'hive' }] };
};

/** Without auto_start, a hive is started only if it has something to do. */
const hiveStep = (
  { version, autoStart }: DesiredHive,
  observed: ObservedHive,
  busy: boolean,
  { force }: PlanOptions,
): SyncStep[] => {
  const start = autoStart || busy;
  if (version !== null && (force || observed.version !== version)) {
    return [{ kind: 'install_hive', from: observed.version, to: version, start }];
  }
  return observed.status !== 'online' && start ? [{ kind: 'start_hive' }] : [];
};

interface Part {
  steps: SyncStep[];
  fine: number;
}

const typeSteps = ({ types }: DesiredHive, observed: ObservedHive, { force }: PlanOptions): Part => {
  const there = new Map(observed.types.map((one) => [one.type, one]));
  const missing = types.filter((wanted) => !hasType(wanted, there.get(wanted.type), force));
  const steps = missing.map((wanted): SyncStep => {
    const { type, version, integrity, variant } = wanted;
    const from = there.get(type)?.version ?? null;
    const again = force && hasType(wanted, there.get(type)) && ({ again: true } as const);
    return { kind: 'install_worker', type, package: wanted.package, version, integrity, variant, from, ...again };
  });
  return { steps, fine: types.length - steps.length };
};

const hasType = (wanted: DesiredType, there: ObservedType | undefined, force = false): boolean => {
  if (!there) return false;
  // A linked plugin is being worked on there.
  if (there.source !== 'installed') return true;
  const sameContent = there.integrity === null || wanted.integrity === null || there.integrity === wanted.integrity;
  const hasVariant = wanted.variant === null ? there.variants.length > 0 : there.variants.includes(wanted.variant);
  return !force && there.fault === null && there.version === wanted.version && sameContent && hasVariant;
};

const modelSteps = ({ models }: DesiredHive, observed: ObservedHive): Part => {
  const there = new Set(observed.models.filter(({ complete }) => complete).map(({ model }) => model));
  const steps = models
    .filter((model) => !there.has(model))
    .map((model) => ({ kind: 'download_model', model }) as const);
  return { steps, fine: models.length - steps.length };
};

const workerSteps = (
  desired: DesiredHive,
  observed: ObservedHive,
  { removeExtra }: PlanOptions,
): Part & { problems: ErrorBody[] } => {
  const there = new Map(observed.workers.map((worker) => [worker.id, worker]));
  const versions = versionsAfterwards(desired, observed);
  const unresolved = unresolvedTypes(desired, observed);
  const part: Part & { problems: ErrorBody[] } = { steps: [], fine: 0, problems: [] };
  for (const worker of desired.workers) {
    // The desired version is unknown.
    if (unresolved.has(worker.spec.type)) continue;
    const current = there.get(worker.id);
    const step = workerStep(worker, current, versions.get(worker.spec.type));
    if (step === null) part.fine++;
    else if (step.kind === 'replace_worker' && step.because === 'taken' && !removeExtra) {
      part.problems.push(RbeeError.of('WORKER_ID_TAKEN', { hive: desired.alias, worker: worker.id }).toJSON());
    } else part.steps.push(step);
  }
  return part;
};

type WorkerStep = Extract<SyncStep, { kind: 'start_worker' | 'replace_worker' }>;

const workerStep = (
  { id, group, declaration, spec }: DesiredWorker,
  there: ObservedWorker | undefined,
  version: string | undefined,
): WorkerStep | null => {
  const start = { kind: 'start_worker', worker: id, group, spec } as const;
  const replace = { kind: 'replace_worker', worker: id, group, spec } as const;
  if (!there) return { ...start, because: 'missing' };
  // A worker spawned by hand counts as declared if its settings are the same, so the result of `rbee migrate` has no drift.
  const own = there.declaration ?? (there.spec && fingerprint({ ...there.spec, type: there.type }));
  if (own !== declaration) return { ...replace, because: there.declaration === null ? 'taken' : 'declaration' };
  // A start picks up the current version of the plugin, so the version needs no check.
  if (there.state === 'stopped' || there.state === 'failed') return { ...start, because: there.state };
  return version !== undefined && there.pluginVersion !== version ? { ...replace, because: 'version' } : null;
};

/** Types that cannot be compared: unresolved ones, and linked plugins, where any version will do. */
const unresolvedTypes = ({ unresolved }: DesiredHive, { types }: ObservedHive): Map<string, ErrorBody> => {
  const own = new Set(types.filter(({ source }) => source !== 'installed').map(({ type }) => type));
  return new Map(unresolved.filter(({ type }) => !own.has(type)).map(({ type, error }) => [type, error]));
};

/** The version that workers of a type will have after the steps. */
const versionsAfterwards = ({ types }: DesiredHive, observed: ObservedHive): Map<string, string> => {
  const versions = new Map(types.map(({ type, version }) => [type, version]));
  for (const { type, version, source } of observed.types) {
    if (source !== 'installed') versions.set(type, version);
  }
  return versions;
};

/** What is not declared, and the steps that remove it on request. A sync never removes models. */
const removals = (
  desired: DesiredHive,
  observed: ObservedHive,
  { removeExtra }: PlanOptions,
): { extra: Extra[]; workers: SyncStep[]; types: SyncStep[] } => {
  const wanted = new Set(desired.workers.map(({ id }) => id));
  const workers = observed.workers.filter(({ id }) => !wanted.has(id));
  const types = extraTypes(desired, observed);
  return {
    extra: [
      ...workers.map(({ id, type }): Extra => ({ kind: 'worker', worker: id, type })),
      ...types.map(
        (one): Extra => ({ kind: 'worker_type', type: one.type, package: one.package, version: one.version }),
      ),
    ],
    workers: removeExtra ? workers.map(({ id, type }) => ({ kind: 'delete_worker', worker: id, type })) : [],
    types: removeExtra
      ? types.map((one) => ({
          kind: 'uninstall_worker',
          type: one.type,
          package: one.package,
          version: one.version,
        }))
      : [],
  };
};

/** One step per package, and none for a package that has a wanted type or may have one. */
const extraTypes = (desired: DesiredHive, observed: ObservedHive): ObservedType[] => {
  const types = new Set([...desired.types, ...desired.unresolved].map(({ type }) => type));
  const packages = new Set(desired.types.map((one) => one.package));
  for (const one of observed.types) if (types.has(one.type)) packages.add(one.package);
  return observed.types.filter((one) => {
    if (one.source !== 'installed' || packages.has(one.package)) return false;
    packages.add(one.package);
    return true;
  });
};
