/** From hives.conf and what is there to a plan: whatever a sync, a status or a migration finds out before it acts. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, hivesConfFile, loadHivesConf, pickHives } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { CatalogEntry } from '../../contract/hive-api.ts';
import type { DeclaredType, DesiredHive, HiveDeclaration, ObservedHive, SyncPlan } from '../../contract/sync.ts';
import { Semaphore } from '../../lifecycle/async/semaphore.ts';
import { ownerOf } from '../../plugins/fetch/trust.ts';
import { type DesiredOptions, desiredHives, type ResolveType } from '../../sync/desired.ts';
import { type HivePair, planFleet } from '../../sync/plan.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { PluginDelivery } from '../provision/plugin-delivery.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import type { Bundles } from './bundles.ts';
import { explainType, impossible } from './impossible.ts';
import { runProblems } from './impossible-run.ts';
import { withKnownTypes } from './known-types.ts';
import { queenId } from './queen-id.ts';
import type { Remembered } from './remembered.ts';
import type { RemoteHives } from './remote-hives.ts';
import { QueenEffects, type SyncEffectsOptions } from './sync-effects.ts';

export interface PlannerOptions extends Pick<SyncEffectsOptions, 'gateway' | 'provision' | 'localHive'> {
  fleet: Fleet;
  paths: Paths;
  config: RbeeConfig;
  hives: RemoteHives;
  bundles: Bundles;
  delivery: PluginDelivery;
  remembered: Remembered;
  secrets: QueenSecrets;
  /** Told what the file means whenever that was found out. */
  onDesired?: (conf: HivesConf, desired: readonly DesiredHive[]) => void;
}

/** What all inputs may have. */
export interface Asked {
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

type Listening = Pick<JobContext, 'signal' | 'narrate'>;

/** Looking costs little of this machine. */
const mostLooks = 32;

export class Planner {
  readonly #options: PlannerOptions;
  /** Of this start of the queen, for leases. */
  readonly #start = randomUUID();

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** What is to be done, and what it was found by. */
  async plan(
    conf: HivesConf,
    input: Asked,
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

  resolver({ offline, update }: Asked, { signal }: Pick<JobContext, 'signal'>): ResolveType {
    return (type, range) => this.#options.delivery.resolve(type, range, { signal, offline, update });
  }

  /** Of the whole file, whatever is asked for of it: names of workers are told apart from all others. */
  async desired({ file, hives }: HivesConf, input: Asked, context: Listening): Promise<DesiredHive[]> {
    const app = await this.#options.bundles.app(context);
    const explain: DesiredOptions['explain'] = (...about) => this.explain(file, ...about);
    return desiredHives(hives, { version: app.id, resolve: this.resolver(input, context), explain });
  }

  /** Why a type cannot be had, with its place in the file and what may have been meant. */
  explain(file: string, error: RbeeError, hive: string, wanted: DeclaredType): Promise<RbeeError> {
    const { paths, fleet } = this.#options;
    return withKnownTypes({ data: paths.data, fleet }, async (types) =>
      explainType(error, { file, hive, ...wanted }, types),
    );
  }

  /** What the workers of these hives ask for and cannot get, by hive. Devices are only known where a hive answers. */
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
        const impossible = await runProblems(file, hive, types, {
          isMeant,
          ...(devices && { devices }),
          ...(platform !== undefined && { platform }),
        });
        return [hive.alias, [...refused, ...impossible, ...(await this.#missingSecrets(file, hive))]];
      });
      return new Map(await Promise.all(found));
    });
  }

  /** Named with their place before anything is fetched or started. */
  async #missingSecrets(file: string, { alias, run }: HiveDeclaration): Promise<RbeeError[]> {
    const missing = run.map(async (entry) => {
      const problems = await this.#options.secrets.problems(entry);
      const place = { file, hive: alias, line: entry.line };
      return problems.map(({ message, hint }) => impossible(place, message, hint));
    });
    return (await Promise.all(missing)).flat();
  }

  #platformOf(alias: string): string | undefined {
    if (alias === localAlias) return `${process.platform}-${process.arch}`;
    return this.#options.remembered.get(alias)?.platform;
  }

  /** Packages that the configuration keeps out; one that is being worked on here is not installed. */
  #refusedPackages(types: readonly DesiredHive['types'][number][]): RbeeError[] {
    const { allowedScopes } = this.#options.config.registry;
    if (allowedScopes.length === 0) return [];
    const names = types.filter(({ integrity }) => integrity !== null).map((one) => one.package);
    return [...new Set(names)]
      .filter((name) => !allowedScopes.includes(ownerOf(name)))
      .map((name) => RbeeError.of('SCOPE_NOT_ALLOWED', { package: name, allowed: allowedScopes.join(', ') }));
  }

  /** Side by side, as many as steps of a sync. */
  observe(aliases: readonly string[], effects: QueenEffects, context: JobContext): Promise<ObservedHive[]> {
    const limiter = new Semaphore(Math.max(this.#options.config.package.maxConcurrentInstalls, mostLooks));
    const quiet = { signal: context.signal, narrate: () => {} };
    return Promise.all(aliases.map((alias) => limiter.within(() => effects.observe(alias, quiet), context.signal)));
  }

  async effects(input: Asked, context: JobContext): Promise<QueenEffects> {
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

  /** Null where there is none. A file that a person named may be another user's, which is said. */
  load(input: { config?: string }, { narrate }: Pick<JobContext, 'narrate'>): HivesConf | null {
    return loadHivesConf(this.file(input), {
      isChosen: input.config !== undefined || this.#options.paths.isChosen,
      onDoubt: ({ path, problem, fix }) => narrate({ kind: 'warning', text: `${path}: ${problem}`, hint: fix }),
    });
  }

  /** Machines with rbee on them that the file does not name. Of another file, nothing is known to be missing. */
  #undeclared(conf: HivesConf): string[] {
    if (conf.file !== this.file({})) return [];
    return [...this.#options.remembered.entries()]
      .map(([alias]) => alias)
      .filter((alias) => !conf.hives.some((hive) => hive.alias === alias));
  }

  #isUndeclared(conf: HivesConf, alias: string): boolean {
    return this.#undeclared(conf).includes(alias);
  }
}

/** A worker that asks for what cannot be fails at its step; the plan says so before. */
const withProblems = (plan: SyncPlan, problems: ReadonlyMap<string, readonly RbeeError[]>): SyncPlan => {
  const hives = plan.hives.map((hive) =>
    hive.status === 'unreachable'
      ? hive
      : { ...hive, problems: [...hive.problems, ...(problems.get(hive.alias) ?? []).map((one) => one.toJSON())] },
  );
  return { ...plan, hives, inSync: plan.inSync && hives.every((hive) => hive.problems.length === 0) };
};
