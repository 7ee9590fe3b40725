/** Syncs, installs, uninstalls and checks the machines of `hives.conf`. */
import { join } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import type { HivesConf } from '../../config/hives-conf.ts';
import type { OperationInput } from '../../contract/api/operations.ts';
import type {
  DriftView,
  MigrationResult,
  SshTestResult,
  SyncPlan,
  SyncReport,
  SyncResult,
  ValidationReport,
} from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { type ApplyOptions, applyPlan } from '../../sync/apply.ts';
import { desiredHives } from '../../sync/desired.ts';
import { driftOf } from '../../sync/drift.ts';
import { SyncJournal } from '../../sync/journal.ts';
import { hivesLeft, leftOver } from '../../sync/left-over.ts';
import { migrate } from '../../sync/migrate.ts';
import { planFleet } from '../../sync/plan.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { testSsh } from '../link/ssh-test.ts';
import { type RemoteCall, remoteCall } from '../provision/machine.ts';
import { defaultSettings } from '../supervise/remote-hives.ts';
import type { MachineInput, Planner, PlannerOptions } from './planner.ts';
import { ReconcileQueue } from './reconcile-queue.ts';
import { validate } from './validate.ts';

export interface FleetSyncOptions extends PlannerOptions {
  planner: Planner;
}

/**
 * Each call is one job. After `context.signal` is aborted it ends soon, and leaves every machine in a state that the
 * next sync can continue from. Questions about host keys and passphrases go to `context.ask`.
 */
export class FleetSync {
  readonly #options: FleetSyncOptions;
  readonly #planner: Planner;
  readonly #reconciling = new ReconcileQueue();

  constructor(options: FleetSyncOptions) {
    this.#options = options;
    this.#planner = options.planner;
  }

  /**
   * Throws only errors that concern all machines: NO_HIVES_CONF, CONFIG_INVALID, HIVE_NOT_DECLARED,
   * SYNC_NOTHING_TO_RETRY.
   */
  async sync(input: OperationInput<'package_sync'>, context: JobContext): Promise<SyncResult> {
    return this.#sync(input, context);
  }

  /** A sync that removes nothing. */
  async install(input: OperationInput<'package_install'>, context: JobContext): Promise<SyncResult> {
    return this.#sync({ ...input, removeExtra: false }, context);
  }

  /** Changes nothing and takes no lease. Without a `hives.conf`, nothing counts as drift. */
  async status(input: OperationInput<'package_status'>, context: JobContext): Promise<DriftView> {
    const file = this.#planner.file(input);
    const conf = this.#planner.load(input, context);
    const known = conf ?? { file, hives: [] };
    const { plan } = await this.#planner.plan(known, { ...input, offline: true }, context, {});
    return driftOf(plan, conf?.hives.map(({ alias }) => alias) ?? null);
  }

  async uninstall(input: OperationInput<'package_uninstall'>, context: JobContext): Promise<SyncResult> {
    const conf = this.#planner.load(input, context) ?? { file: this.#planner.file(input), hives: [] };
    this.#options.hives.adopt(conf);
    const names = input.hives ?? [...this.#options.hives.all()].map(({ alias }) => alias);
    const aliases = names.filter((alias) => alias !== localAlias || this.#refuseLocal());
    for (const alias of aliases) this.#options.hives.must(alias);
    const effects = await this.#planner.effects({ ...input, removing: true }, context);
    const pairs = await this.#planner.observe(aliases, effects, context);
    const found = planFleet(
      conf.file,
      pairs.map((observed) => ({ desired: null, observed })),
      { removeExtra: true },
    );
    const plan = withPurge(found, input.purge ?? false);
    if (input.dryRun) return { plan, report: null };
    context.show({ kind: 'plan', plan });
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

  /** An invalid file is a failed check, not an error. */
  async validate(input: OperationInput<'package_validate'>, context: JobContext): Promise<ValidationReport> {
    const { hives } = this.#options;
    return validate(this.#planner.file(input), input, {
      context,
      load: () => this.#planner.load(input, context),
      adopt: (conf) => hives.adopt(conf),
      test: (alias) => this.#test(alias, remoteCall(input, context)),
      resolve: this.#planner.resolver(input, context),
      explain: (...about) => this.#planner.explain(...about),
      unsatisfiable: (...about) => this.#planner.problems(...about),
    });
  }

  async migrate(input: OperationInput<'package_migrate'>, context: JobContext): Promise<MigrationResult> {
    const { hives } = this.#options;
    const conf = this.#planner.load({}, context);
    if (conf) hives.adopt(conf);
    const known = [localAlias, ...[...hives.all()].map(({ alias }) => alias)];
    const aliases = input.hives ?? known;
    for (const alias of aliases) if (alias !== localAlias) hives.must(alias);
    const observed = await this.#planner.observe(aliases, await this.#planner.effects(input, context), context);
    return migrate(
      observed.map((one) => ({
        observed: one,
        address: conf?.hives.find(({ alias }) => alias === one.alias) ?? this.#rememberedAddress(one.alias),
      })),
    );
  }

  /** The reason for an unreachable machine is in the result. */
  sshTest(input: OperationInput<'hive_ssh_test'>, context: JobContext): Promise<SshTestResult> {
    const conf = this.#planner.load(input, context);
    if (conf) this.#options.hives.adopt(conf);
    return this.#test(input.hive, remoteCall(input, context));
  }

  /** Starts declared workers that are gone, after a hive came back. */
  reconcile(alias: string, context: JobContext): Promise<void> {
    return this.#reconciling.run(alias, context.signal, (signal) => this.#reconcile(alias, { ...context, signal }));
  }

  async #reconcile(alias: string, context: JobContext): Promise<void> {
    const conf = this.#planner.load({}, context);
    const declared = conf?.hives.find((hive) => hive.alias === alias);
    if (!conf || !declared || declared.run.length === 0) return;
    const effects = await this.#planner.effects({ offline: true }, context);
    const resolve = this.#planner.resolver({ offline: true }, context);
    // Only workers that are gone. Other differences, such as another version of rbee, wait for a sync.
    const hives = await desiredHives(conf.hives, { version: '', resolve });
    const desired = hives.filter((hive) => hive.alias === alias).map((hive) => ({ ...hive, version: null }));
    const observed = await this.#planner.observe([alias], effects, context);
    const plan = planFleet(
      conf.file,
      observed.map((one) => ({ desired: desired[0] ?? null, observed: one })),
    );
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
    const conf = this.#conf(input, context);
    const { paths } = this.#options;
    const journal = await SyncJournal.open(join(paths.state, 'sync-journal.json'));
    if (journal.damaged)
      context.narrate({ kind: 'warning', text: `the journal was damaged and was renamed to ${journal.damaged}` });
    const retried = input.retryFailed ? hivesLeft(journal, conf.file) : undefined;
    // A hive that is no longer declared or installed cannot be retried.
    const isKnown = (alias: string) =>
      conf.hives.some((hive) => hive.alias === alias) || this.#options.machineStore.get(alias) !== undefined;
    const isAsked = (alias: string) => input.hives?.includes(alias) ?? true;
    const hives = retried ? retried.filter((alias) => isKnown(alias) && isAsked(alias)) : input.hives;
    const { removeExtra = false, force = false } = input;
    const planned = await this.#planner.plan(conf, { ...input, hives }, context, { removeExtra, force });
    const { plan, only } = input.retryFailed
      ? leftOver(planned.plan, journal)
      : { plan: planned.plan, only: undefined };
    if (input.dryRun) return { plan, report: null };
    for (const { spec } of planned.desired.flatMap(({ workers }) => workers)) await this.#options.secrets.check(spec);
    context.show({ kind: 'plan', plan });
    if (!input.yes) await confirmRemovals(plan, context);
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

  /** A person asked for this, so it takes precedence over reconciling. */
  #apply(options: ApplyOptions): Promise<SyncReport> {
    const aliases = options.plan.hives.map(({ alias }) => alias);
    return this.#reconciling.without(aliases, () => applyPlan(options));
  }

  #applying({ parallel, takeOver }: { parallel?: number; takeOver?: boolean }, { narrate, signal }: JobContext) {
    return { narrate, signal, takeOver, parallel: parallel ?? this.#options.config.package.maxConcurrentInstalls };
  }

  #test(alias: string, call: RemoteCall): Promise<SshTestResult> {
    const { hives, bundles } = this.#options;
    const { link, firstWorkerPort } = hives.must(alias);
    return testSsh(link, { bundles, workerPort: firstWorkerPort }, call);
  }

  #conf(input: MachineInput, context: JobContext): HivesConf {
    const conf = this.#planner.load(input, context);
    if (!conf) throw RbeeError.of('NO_HIVES_CONF', { file: this.#planner.file(input) });
    return conf;
  }

  #rememberedAddress(alias: string) {
    const target = this.#options.machineStore.get(alias)?.target;
    if (!target) return null;
    return {
      hostname: target.hostname,
      sshUser: target.user ?? null,
      sshPort: target.port ?? null,
      identityFile: target.identityFile ?? null,
      proxyJump: target.jumps?.map(({ hostname }) => hostname).join(',') ?? null,
      ...defaultSettings,
    };
  }

  #refuseLocal(): never {
    throw RbeeError.of('HIVE_IS_LOCAL', {
      hive: localAlias,
      action: 'uninstalled',
      hint: 'stop it with rbee queen stop, and remove the package that rbee was installed with',
    });
  }
}

/** A machine without rbee may still have models and logs of an earlier installation. */
const withPurge = (plan: SyncPlan, purge: boolean): SyncPlan => {
  if (!purge) return plan;
  const hives = plan.hives.map((hive) =>
    hive.status === 'unreachable' ? hive : { ...hive, steps: [{ kind: 'uninstall_hive' as const, purge }] },
  );
  const steps = hives.reduce((sum, hive) => sum + hive.steps.length, 0);
  return { ...plan, hives, steps, inSync: plan.inSync && steps === 0 };
};

/**
 * Asks before rbee is removed from whole machines: a machine that is missing from hives.conf by mistake must not silently
 * lose everything. Errors: SYNC_REMOVAL_REFUSED.
 */
const confirmRemovals = async ({ config, hives }: SyncPlan, { ask }: Pick<JobContext, 'ask'>): Promise<void> => {
  const removed = hives.filter(({ steps }) => steps.some(({ kind }) => kind === 'uninstall_hive'));
  if (removed.length === 0) return;
  const names = removed.map(({ alias }) => alias).join(', ');
  const question = `Remove rbee and everything it runs from ${names}, which ${config} does not name?`;
  if ((await ask(question, ['yes', 'no'])) === 'yes') return;
  throw RbeeError.of('SYNC_REMOVAL_REFUSED', { hives: names, file: config });
};
