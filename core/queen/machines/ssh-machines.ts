/** What the queen does with the machines of hives.conf, as jobs. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import { type HivesConf, hivesConfFile, loadHivesConf, pickHives } from '../../config/hives-conf.ts';
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { OperationInput } from '../../contract/operations.ts';
import type {
  DesiredHive,
  DriftView,
  HiveDeclaration,
  HiveLogs,
  MigrationResult,
  ObservedHive,
  SshTestResult,
  SyncPlan,
  SyncReport,
  SyncResult,
  ValidationReport,
} from '../../contract/sync.ts';
import { Semaphore } from '../../lifecycle/semaphore.ts';
import { type ApplyOptions, applyPlan } from '../../sync/apply.ts';
import { desiredHives } from '../../sync/desired.ts';
import { driftOf } from '../../sync/drift.ts';
import { SyncJournal } from '../../sync/journal.ts';
import { hivesLeft, leftOver } from '../../sync/left-over.ts';
import { migrate } from '../../sync/migrate.ts';
import { type HivePair, planFleet } from '../../sync/plan.ts';
import type { Parts } from '../handlers/parts.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Bundles } from './bundles.ts';
import type { BringRequest, PluginDelivery } from './delivery.ts';
import { hiveLog } from './hive-spec.ts';
import type { Machines } from './machines.ts';
import { queenId } from './queen-id.ts';
import { Reconciling } from './reconciling.ts';
import type { Remembered } from './remembered.ts';
import type { RemoteCall } from './remote-hive.ts';
import type { RemoteHives } from './remote-hives.ts';
import { testSsh } from './ssh-test.ts';
import { QueenEffects } from './sync-effects.ts';
import { validate } from './validate.ts';

export interface SshMachinesOptions {
  paths: Paths;
  config: RbeeConfig;
  hives: RemoteHives;
  bundles: Bundles;
  delivery: PluginDelivery;
  remembered: Remembered;
  /** Told what the file means whenever that was found out. */
  onDesired?: (conf: HivesConf, desired: readonly DesiredHive[]) => void;
  /** Complete only once the handlers are made. */
  parts: () => Parts;
}

/** What all inputs may have. */
interface Asked {
  hives?: string[];
  config?: string;
  agent?: string;
  acceptNewHostKeys?: boolean;
  offline?: boolean;
  update?: boolean;
  force?: boolean;
  removing?: boolean;
}

const defaultLogLines = 100;

export class SshMachines implements Machines {
  readonly #options: SshMachinesOptions;
  /** Of this start of the queen, for leases. */
  readonly #start = randomUUID();
  readonly #reconciling = new Reconciling();

  constructor(options: SshMachinesOptions) {
    this.#options = options;
  }

  async sync(input: OperationInput<'package_sync'>, context: JobContext): Promise<SyncResult> {
    return this.#sync(input, context);
  }

  async install(input: OperationInput<'package_install'>, context: JobContext): Promise<SyncResult> {
    return this.#sync({ ...input, removeExtra: false }, context);
  }

  async status(input: OperationInput<'package_status'>, context: JobContext): Promise<DriftView> {
    const file = this.#file(input);
    const conf = loadHivesConf(file);
    const known = conf ?? { file, hives: [] };
    const { plan } = await this.#plan(known, { ...input, offline: true }, context, {});
    return driftOf(plan, conf?.hives.map(({ alias }) => alias) ?? null);
  }

  async uninstall(input: OperationInput<'package_uninstall'>, context: JobContext): Promise<SyncResult> {
    const conf = loadHivesConf(this.#file(input)) ?? { file: this.#file(input), hives: [] };
    this.#options.hives.adopt(conf);
    const names = input.hives ?? [...this.#options.hives.all()].map(({ alias }) => alias);
    const aliases = names.filter((alias) => alias !== localAlias || this.#refuseLocal());
    for (const alias of aliases) this.#options.hives.must(alias);
    const effects = await this.#effects({ ...input, removing: true }, context);
    const pairs = await this.#observe(aliases, effects, context);
    const found = planFleet(
      conf.file,
      pairs.map((observed) => ({ desired: null, observed })),
      { removeExtra: true },
    );
    const plan = withPurge(found, input.purge ?? false);
    if (input.dryRun) return { plan, report: null };
    context.narrate({ kind: 'plan', plan });
    const report = await this.#apply({
      ...this.#applying(input, context),
      plan,
      desired: [],
      effects,
      removeExtra: true,
      replan: (pair) => withPurge(planFleet(conf.file, [pair], { removeExtra: true }), input.purge ?? false).hives[0]!,
      retryCommand: (hive) => ['rbee uninstall', hive && `--hive ${hive}`].filter(Boolean).join(' '),
    });
    return { plan, report };
  }

  async validate(input: OperationInput<'package_validate'>, context: JobContext): Promise<ValidationReport> {
    const { hives, delivery } = this.#options;
    return validate(this.#file(input), input, {
      context,
      adopt: (conf) => hives.adopt(conf),
      test: (alias) => this.#test(alias, this.#call(input, context)),
      resolve: (type, range) => delivery.resolve(type, range, { signal: context.signal, offline: input.offline }),
    });
  }

  async migrate(input: OperationInput<'package_migrate'>, context: JobContext): Promise<MigrationResult> {
    const { hives } = this.#options;
    const conf = loadHivesConf(this.#file({}));
    if (conf) hives.adopt(conf);
    const known = [localAlias, ...[...hives.all()].map(({ alias }) => alias)];
    const aliases = input.hives ?? known;
    for (const alias of aliases) if (alias !== localAlias) hives.must(alias);
    const observed = await this.#observe(aliases, await this.#effects(input, context), context);
    return migrate(
      observed.map((one) => ({
        observed: one,
        address: conf?.hives.find(({ alias }) => alias === one.alias) ?? this.#rememberedAddress(one.alias),
      })),
    );
  }

  bring(hive: string, request: BringRequest, context: JobContext): Promise<{ name: string }> {
    return this.#options.delivery.bring(this.#options.hives.must(hive), request, this.#call({}, context));
  }

  resolve(plugin: string, options: { offline?: boolean; update?: boolean }, { signal }: JobContext) {
    return this.#options.delivery.resolve(plugin, undefined, { ...options, signal });
  }

  has(hive: string): boolean {
    return this.#options.hives.get(hive) !== undefined;
  }

  start(input: OperationInput<'hive_start'>, context: JobContext): Promise<void> {
    return this.#options.hives.must(input.hive).start(this.#call(input, context));
  }

  stop(input: OperationInput<'hive_stop'>, context: JobContext): Promise<void> {
    return this.#options.hives.must(input.hive).stop(this.#call(input, context));
  }

  async restart(input: OperationInput<'hive_restart'>, context: JobContext): Promise<void> {
    const hive = this.#options.hives.must(input.hive);
    const call = this.#call(input, context);
    await hive.stop(call);
    await hive.start(call);
  }

  sshTest(input: OperationInput<'hive_ssh_test'>, context: JobContext): Promise<SshTestResult> {
    const conf = loadHivesConf(this.#file(input));
    if (conf) this.#options.hives.adopt(conf);
    return this.#test(input.hive, this.#call(input, context));
  }

  async logs(input: OperationInput<'hive_logs'>, context: JobContext): Promise<HiveLogs> {
    const { hive: alias, lines = defaultLogLines } = input;
    const hive = this.#options.hives.must(alias);
    return hive.withAgentIfThere(this.#call(input, context), async (agent) => {
      if (!agent) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: alias });
      const file = hiveLog(agent.hello.paths);
      return { hive: alias, file, lines: await agent.call('tail', [file, lines], context.signal) };
    });
  }

  /** Starts again what is declared and does not run on a hive that came back. */
  reconcile(alias: string, context: JobContext): Promise<void> {
    return this.#reconciling.run(alias, context.signal, (signal) => this.#reconcile(alias, { ...context, signal }));
  }

  async #reconcile(alias: string, context: JobContext): Promise<void> {
    const conf = loadHivesConf(this.#file({}));
    const declared = conf?.hives.find((hive) => hive.alias === alias);
    if (!conf || !declared || declared.run.length === 0) return;
    const { plan, desired, effects } = await this.#plan(conf, { hives: [alias], offline: true }, context, {});
    // Only workers, and only those that are gone: what else differs waits for a sync.
    const lost = plan.hives
      .flatMap(({ steps }) => steps)
      .filter((step) => step.kind === 'start_worker' && step.because !== 'stopped');
    if (lost.length === 0 || plan.hives[0]?.steps.some(({ kind }) => kind === 'install_worker')) return;
    await applyPlan({
      ...this.#applying({}, context),
      journal: undefined,
      plan,
      desired,
      effects,
      only: (_alias, step) => step.kind === 'start_worker' && step.because !== 'stopped',
    });
  }

  async #sync(input: OperationInput<'package_sync'>, context: JobContext): Promise<SyncResult> {
    const conf = this.#conf(input);
    const { paths } = this.#options;
    const journal = await SyncJournal.open(join(paths.state, 'sync-journal.json'));
    if (journal.damaged)
      context.narrate({ kind: 'warning', text: `the journal was damaged and is now ${journal.damaged}` });
    const retried = input.retryFailed ? hivesLeft(journal, conf.file) : undefined;
    const hives = retried ? retried.filter((alias) => input.hives?.includes(alias) ?? true) : input.hives;
    const { removeExtra = false, force = false } = input;
    const planned = await this.#plan(conf, { ...input, hives }, context, { removeExtra, force });
    const { plan, only } = input.retryFailed
      ? leftOver(planned.plan, journal)
      : { plan: planned.plan, only: undefined };
    if (input.dryRun) return { plan, report: null };
    context.narrate({ kind: 'plan', plan });
    const report = await this.#apply({
      ...this.#applying(input, context),
      plan,
      desired: planned.desired,
      effects: planned.effects,
      removeExtra,
      force,
      journal,
      input,
      only,
    });
    return { plan, report };
  }

  /** Somebody has asked for it. */
  #apply(options: ApplyOptions): Promise<SyncReport> {
    const aliases = options.plan.hives.map(({ alias }) => alias);
    return this.#reconciling.without(aliases, () => applyPlan(options));
  }

  /** What is to be done, and what it was found by. */
  async #plan(
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
    const effects = await this.#effects(input, context);
    const aliases = input.hives ?? [...declared.map(({ alias }) => alias), ...this.#undeclared(conf)];
    const [desired, observed] = await Promise.all([
      this.#desired(declared, input, context),
      this.#observe(aliases, effects, context),
    ]);
    if (!input.hives && conf.file === this.#file({})) this.#options.onDesired?.(conf, desired);
    const pairs: HivePair[] = observed.map((one) => ({
      desired: desired.find(({ alias }) => alias === one.alias) ?? null,
      observed: one,
    }));
    return { plan: planFleet(conf.file, pairs, options), desired, effects };
  }

  /** What the whole file means, as far as that can be told without a network. */
  desired({ hives }: HivesConf, signal: AbortSignal): Promise<DesiredHive[]> {
    return this.#desired(hives, { offline: true }, { signal, narrate: () => {} });
  }

  async #desired(
    declared: readonly HiveDeclaration[],
    { offline, update }: Asked,
    { signal, narrate }: Pick<JobContext, 'signal' | 'narrate'>,
  ): Promise<DesiredHive[]> {
    const { bundles, delivery } = this.#options;
    const app = await bundles.app({ signal, narrate });
    return desiredHives(declared, {
      version: app.id,
      resolve: (type, range) => delivery.resolve(type, range, { signal, offline, update }),
    });
  }

  /** Side by side, as many as steps of a sync. */
  #observe(aliases: readonly string[], effects: QueenEffects, context: JobContext): Promise<ObservedHive[]> {
    const limiter = new Semaphore(Math.max(this.#options.config.package.maxConcurrentInstalls, mostLooks));
    const quiet = { signal: context.signal, narrate: () => {} };
    return Promise.all(aliases.map((alias) => limiter.within(() => effects.observe(alias, quiet), context.signal)));
  }

  #applying({ parallel, takeOver }: { parallel?: number; takeOver?: boolean }, { narrate, signal }: JobContext) {
    return { narrate, signal, takeOver, parallel: parallel ?? this.#options.config.package.maxConcurrentInstalls };
  }

  async #effects(input: Asked, context: JobContext): Promise<QueenEffects> {
    const { parts, config, ...rest } = this.#options;
    const queen = await queenId(join(rest.paths.state, 'queen.id'));
    const { agent, acceptNewHostKeys, offline, force, removing } = input;
    return new QueenEffects({
      ...rest,
      parts: parts(),
      healthMs: config.package.healthCheckTimeout * 1_000,
      owner: { queen, start: this.#start, job: context.job },
      context,
      access: { agent, acceptNewHostKeys },
      offline,
      force,
      removing,
    });
  }

  #call({ agent, acceptNewHostKeys }: Asked, { narrate, signal, ask }: JobContext): RemoteCall {
    return { agent, acceptNewHostKeys, narrate, signal, ask };
  }

  #test(alias: string, call: RemoteCall): Promise<SshTestResult> {
    return testSsh(this.#options.hives.must(alias), this.#options.bundles, call);
  }

  #file({ config }: { config?: string }): string {
    return config ?? hivesConfFile(this.#options.paths);
  }

  #conf(input: Asked): HivesConf {
    const file = this.#file(input);
    const conf = loadHivesConf(file);
    if (!conf) throw RbeeError.of('NO_HIVES_CONF', { file });
    return conf;
  }

  /** Machines with rbee on them that the file does not name. Of another file, nothing is known to be missing. */
  #undeclared(conf: HivesConf): string[] {
    if (conf.file !== this.#file({})) return [];
    return [...this.#options.remembered.entries()]
      .map(([alias]) => alias)
      .filter((alias) => !conf.hives.some((hive) => hive.alias === alias));
  }

  #isUndeclared(conf: HivesConf, alias: string): boolean {
    return this.#undeclared(conf).includes(alias);
  }

  #rememberedAddress(alias: string) {
    const target = this.#options.remembered.get(alias)?.target;
    if (!target) return null;
    return {
      hostname: target.hostname,
      sshUser: target.user ?? null,
      sshPort: target.port ?? null,
      hivePort: 8600,
      autoStart: true,
      identityFile: target.identityFile ?? null,
      proxyJump: target.jumps?.map(({ hostname }) => hostname).join(',') ?? null,
      labels: {},
    };
  }

  #refuseLocal(): never {
    throw RbeeError.of('HIVE_LOCAL', {
      hive: localAlias,
      action: 'uninstalled',
      hint: 'stop it with rbee queen stop, and remove the package that brought rbee',
    });
  }
}

/** Looking costs little of this machine. */
const mostLooks = 32;

/** Also a machine without rbee may have models and logs of an earlier one. */
const withPurge = (plan: SyncPlan, purge: boolean): SyncPlan => {
  if (!purge) return plan;
  const hives = plan.hives.map((hive) =>
    hive.status === 'unreachable' ? hive : { ...hive, steps: [{ kind: 'uninstall_hive' as const, purge }] },
  );
  const steps = hives.reduce((sum, hive) => sum + hive.steps.length, 0);
  return { ...plan, hives, steps, inSync: plan.inSync && steps === 0 };
};
