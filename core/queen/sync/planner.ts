/** Makes plans from hives.conf and the present state of the machines, for sync, status, validation and migration. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, hivesConfFile, loadHivesConf, pickHives } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import type { CatalogEntry } from '../../contract/api/hive-api.ts';
import type { DeclaredType, DesiredHive, HiveDeclaration, ObservedHive, SyncPlan } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { Semaphore } from '../../lifecycle/async/semaphore.ts';
import { loadId } from '../../lifecycle/fs/id-file.ts';
import { ownerOf } from '../../plugins/fetch/trust.ts';
import { type DesiredOptions, desiredHives, type ResolveType } from '../../sync/desired.ts';
import { type HivePair, planFleet } from '../../sync/plan.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Bundles } from '../link/bundles.ts';
import type { MachineStore } from '../link/machine-store.ts';
import type { PluginDelivery } from '../provision/plugin-delivery.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import type { RemoteHives } from '../supervise/remote-hives.ts';
import { explainType, unsatisfiable } from './explain-unsatisfiable.ts';
import { withKnownTypes } from './known-types.ts';
import { QueenEffects, type SyncEffectsOptions } from './queen-effects.ts';
import { runProblems } from './unsatisfiable-workers.ts';

export interface PlannerOptions extends Pick<SyncEffectsOptions, 'gateway' | 'provision' | 'localHive'> {
  fleet: Fleet;
  paths: Paths;
  config: RbeeConfig;
  hives: RemoteHives;
  bundles: Bundles;
  delivery: PluginDelivery;
  machineStore: MachineStore;
  secrets: QueenSecrets;
  /** Called whenever the whole file was resolved. */
  onDesired?: (conf: HivesConf, desired: readonly DesiredHive[]) => void;
}

/** Options that all inputs share. */
export interface MachineInput {
  hives?: string[];
  config?: string;
  agent?: string;
  acceptNewHostKeys?: boolean;
  offline?: boolean;
  update?: boolean;
  force?: boolean;
  yes?: boolean;
  removing?: boolean;
}

type Narrating = Pick<JobContext, 'signal' | 'narrate'>;

/** Observing a machine costs the queen little, so many run at once. */
const maxConcurrentLooks = 32;

export class Planner {
  readonly #options: PlannerOptions;
  /** Identifies this start of the queen in leases. */
  readonly #start = randomUUID();

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** The plan, with what it was made from. */
  async plan(
    conf: HivesConf,
    input: MachineInput,
    context: JobContext,
    options: { removeExtra?: boolean; force?: boolean },
  ): Promise<{ plan: SyncPlan; desired: DesiredHive[]; effects: QueenEffects }> {
    this.#options.hives.adopt(conf);
    const declared = input.hives
      ? pickHives(
          conf,
          input.hives.filter((alias) => !this.#isUndeclared(conf, alias)),
        )
      : conf.hives;
    const effects = await this.effects(input, context);
    const aliases = input.hives ?? [...declared.map(({ alias }) => alias), ...this.#undeclared(conf)];
    const [whole, observed] = await Promise.all([
      this.desired(conf, input, context),
      this.observe(aliases, effects, context),
    ]);
    if (conf.file === this.file({})) this.#options.onDesired?.(conf, whole);
    const desired = whole.filter(({ alias }) => declared.some((hive) => hive.alias === alias));
    const pairs: HivePair[] = observed.map((one) => ({
      desired: desired.find(({ alias }) => alias === one.alias) ?? null,
      observed: one,
    }));
    const problems = await this.problems(conf.file, declared, desired);
    return { plan: withProblems(planFleet(conf.file, pairs, options), problems), desired, effects };
  }

  resolver({ offline, update }: MachineInput, { signal }: Pick<JobContext, 'signal'>): ResolveType {
    return (type, range) => this.#options.delivery.resolve(type, range, { signal, offline, update });
  }

  /** Always resolves the whole file, because the names of workers are unique in the fleet. */
  async desired({ file, hives }: HivesConf, input: MachineInput, context: Narrating): Promise<DesiredHive[]> {
    const app = await this.#options.bundles.app(context);
    const explain: DesiredOptions['explain'] = (...about) => this.explain(file, ...about);
    return desiredHives(hives, { version: app.id, resolve: this.resolver(input, context), explain });
  }

  /** Explains why a type is unavailable, with its place in the file and the nearest names. */
  explain(file: string, error: RbeeError, hive: string, wanted: DeclaredType): Promise<RbeeError> {
    const { paths, fleet } = this.#options;
    return withKnownTypes({ data: paths.data, fleet }, async (types) =>
      explainType(error, { file, hive, ...wanted }, types),
    );
  }

  /** What the workers of these hives require and cannot get, by hive. Devices are checked only if the hive answers. */
  problems(
    file: string,
    hives: readonly HiveDeclaration[],
    resolved: readonly Pick<DesiredHive, 'alias' | 'types'>[],
  ): Promise<Map<string, RbeeError[]>> {
    const { fleet, paths } = this.#options;
    return withKnownTypes({ data: paths.data, fleet }, async (types) => {
      const found = hives.map(async (hive): Promise<[string, RbeeError[]]> => {
        const wanted = resolved.find(({ alias }) => alias === hive.alias)?.types ?? [];
        const isMeant = (entry: CatalogEntry) =>
          wanted.some(({ package: name, version }) => name === entry.plugin && version === entry.version);
        const member = fleet.find(hive.alias);
        const devices = member?.status === 'online' ? member.state?.devices : undefined;
        const platform = this.#platformOf(hive.alias);
        const there = member?.state?.catalog ?? [];
        const isMissing = (one: DesiredHive['types'][number]) =>
          !there.some(({ plugin, version }) => plugin === one.package && version === one.version);
        const refused = this.#refusedPackages(wanted.filter(isMissing));
        const unsatisfiable = await runProblems(file, hive, types, {
          isMeant,
          ...(devices && { devices }),
          ...(platform !== undefined && { platform }),
        });
        return [hive.alias, [...refused, ...unsatisfiable, ...(await this.#missingSecrets(file, hive))]];
      });
      return new Map(await Promise.all(found));
    });
  }

  /** Missing secrets with their place in the file, found before anything is downloaded or started. */
  async #missingSecrets(file: string, { alias, run }: HiveDeclaration): Promise<RbeeError[]> {
    const missing = run.map(async (entry) => {
      const problems = await this.#options.secrets.problems(entry);
      const place = { file, hive: alias, line: entry.line };
      return problems.map(({ message, hint }) => unsatisfiable(place, message, hint));
    });
    return (await Promise.all(missing)).flat();
  }

  #platformOf(alias: string): string | undefined {
    if (alias === localAlias) return `${process.platform}-${process.arch}`;
    return this.#options.machineStore.get(alias)?.platform;
  }

  /** Packages outside the allowed scopes. Linked packages are exempt, because they are not installed. */
  #refusedPackages(types: readonly DesiredHive['types'][number][]): RbeeError[] {
    const { allowedScopes } = this.#options.config.registry;
    if (allowedScopes.length === 0) return [];
    const names = types.filter(({ integrity }) => integrity !== null).map((one) => one.package);
    return [...new Set(names)]
      .filter((name) => !allowedScopes.includes(ownerOf(name)))
      .map((name) => RbeeError.of('SCOPE_NOT_ALLOWED', { package: name, allowed: allowedScopes.join(', ') }));
  }

  /** Observes machines concurrently. */
  observe(aliases: readonly string[], effects: QueenEffects, context: JobContext): Promise<ObservedHive[]> {
    const limiter = new Semaphore(Math.max(this.#options.config.package.maxConcurrentInstalls, maxConcurrentLooks));
    const quiet = { signal: context.signal, narrate: () => {} };
    return Promise.all(aliases.map((alias) => limiter.within(() => effects.observe(alias, quiet), context.signal)));
  }

  async effects(input: MachineInput, context: JobContext): Promise<QueenEffects> {
    const { config, ...rest } = this.#options;
    const queen = await queenId(join(rest.paths.state, 'queen.id'));
    const { agent, acceptNewHostKeys, offline, force, yes, removing } = input;
    return new QueenEffects({
      ...rest,
      healthMs: config.package.healthCheckTimeout * 1_000,
      owner: { queen, start: this.#start, job: context.job },
      context,
      access: { agent, acceptNewHostKeys },
      offline,
      force,
      yes,
      removing,
    });
  }

  file({ config }: { config?: string }): string {
    return config ?? hivesConfFile(this.#options.paths);
  }

  /** Null without a file. Warns if a file that a person named belongs to another user. */
  load(input: { config?: string }, { narrate }: Pick<JobContext, 'narrate'>): HivesConf | null {
    return loadHivesConf(this.file(input), {
      isChosen: input.config !== undefined || this.#options.paths.isChosen,
      onDoubt: ({ path, problem, fix }) => narrate({ kind: 'warning', text: `${path}: ${problem}`, hint: fix }),
    });
  }

  /** Machines with rbee that the file does not name. Only this queen's own file can tell. */
  #undeclared(conf: HivesConf): string[] {
    if (conf.file !== this.file({})) return [];
    return [...this.#options.machineStore.entries()]
      .map(([alias]) => alias)
      .filter((alias) => !conf.hives.some((hive) => hive.alias === alias));
  }

  #isUndeclared(conf: HivesConf, alias: string): boolean {
    return this.#undeclared(conf).includes(alias);
  }
}

/** Such a worker would fail at its step; the plan reports it earlier. */
const withProblems = (plan: SyncPlan, problems: ReadonlyMap<string, readonly RbeeError[]>): SyncPlan => {
  const hives = plan.hives.map((hive) =>
    hive.status === 'unreachable'
      ? hive
      : { ...hive, problems: [...hive.problems, ...(problems.get(hive.alias) ?? []).map((one) => one.toJSON())] },
  );
  return { ...plan, hives, inSync: plan.inSync && hives.every((hive) => hive.problems.length === 0) };
};

/** Identifies this queen, also after a restart, among the queens of other machines and state folders. Throws STATE_UNWRITABLE. */
const queenId = (file: string): Promise<string> => loadId({ file, pattern: /^[0-9a-f-]{36}$/, make: randomUUID });
