/**
 * Applies a plan: hives run concurrently within one limit, each under a lease. A failure stops only what depends on it,
 * and the report covers every hive.
 */

import type { Narrate } from '../contract/api/narration.ts';
import type {
  DesiredHive,
  HivePlan,
  HiveReport,
  StepReport,
  SyncPlan,
  SyncReport,
  SyncStep,
} from '../contract/api/sync.ts';
import { asRbeeError, type ErrorBody, RbeeError } from '../contract/errors.ts';
import { Semaphore } from '../lifecycle/async/semaphore.ts';
import { isHiveStep, stepKey } from './describe.ts';
import type { Lease, SyncEffects } from './effects.ts';
import { HiveRun } from './hive-run.ts';
import type { SyncJournal } from './journal.ts';
import { type PlanOptions, planHive } from './plan.ts';
import { relay } from './relay.ts';
import { defaultRetries, type RetryPolicy } from './retry.ts';

export interface ApplyOptions extends PlanOptions {
  plan: SyncPlan;
  /** What the plan was made from. A hive that is not in it will be uninstalled. */
  desired: readonly DesiredHive[];
  effects: SyncEffects;
  narrate: Narrate;
  signal: AbortSignal;
  /** Maximum concurrent steps over all hives. */
  parallel: number;
  /** Take over the lease of another sync. */
  takeOver?: boolean;
  journal?: SyncJournal;
  /** The input of the operation, for the journal. */
  input?: unknown;
  /** Selects steps; all by default. `--retry-failed` narrows it. */
  only?: (alias: string, step: SyncStep) => boolean;
  /** Makes a hive's plan again under the lease; `planHive` by default. */
  replan?: typeof planHive;
  /** The command that retries what failed, for one hive or for all. */
  retryCommand?: (hive?: string) => string;
  retries?: RetryPolicy;
  /** A random number from 0 to 1. */
  random?: () => number;
}

/** Throws STATE_UNWRITABLE before anything is changed, if a journal is wanted and cannot be written. */
export const applyPlan = async (options: ApplyOptions): Promise<SyncReport> => {
  const { plan, narrate, signal, journal, input = null, retryCommand = defaultCommand } = options;
  const startedAt = new Date().toISOString();
  const began = performance.now();
  await journal?.begin(plan.config, input, new Map(plan.hives.map((hive) => [hive.alias, wantedSteps(hive, options)])));
  const progress = progressOf(options);
  const limiter = new Semaphore(options.parallel);
  const hives = await Promise.all(plan.hives.map((hive) => applyHive(hive, { ...options, limiter, progress })));
  progress.end(hives);
  await journal?.end().catch((error) => {
    narrate({ kind: 'warning', text: asRbeeError(error, 'the journal').message });
  });
  const steps = hives.flatMap((hive) => hive.steps);
  const inState = (state: StepReport['state']) => steps.filter((step) => step.state === state).length;
  const unchanged = hives.filter(({ state }) => state === 'unchanged').length;
  const bad = hives.filter(isBad).length;
  const good = bad < hives.length || inState('done') > 0;
  return {
    config: plan.config,
    hives,
    counts: {
      hives: hives.length,
      unchanged,
      done: inState('done'),
      failed: inState('failed'),
      skipped: inState('skipped'),
    },
    partial: bad > 0 && good,
    failed: bad > 0 && !good,
    cancelled: signal.aborted,
    startedAt,
    ms: Math.round(performance.now() - began),
    retry: bad > 0 ? retryCommand() : null,
  };
};

interface HiveContext extends ApplyOptions {
  limiter: Semaphore;
  progress: Progress;
}

const applyHive = async (plan: HivePlan, context: HiveContext): Promise<HiveReport> => {
  const { alias, hostname } = plan;
  const { signal, journal, retryCommand = defaultCommand } = context;
  const began = performance.now();
  const wanted = wantedSteps(plan, context);
  const lost = new AbortController();
  const run = new HiveRun({
    alias,
    effects: context.effects,
    limiter: context.limiter,
    narrate: context.narrate,
    signal: AbortSignal.any([signal, lost.signal]),
    retries: context.retries ?? defaultRetries,
    random: context.random ?? Math.random,
    retryCommand: retryCommand(alias),
    onStep: (report) => {
      journal?.step(alias, report);
      context.progress.ended();
    },
  });
  const { problems, broken } =
    wanted.length > 0
      ? await underLease(alias, { ...context, lost, run })
      : { problems: plan.problems, broken: undefined };
  // Steps that are no longer needed under the lease are not reported.
  if (broken !== undefined) run.skip(notReported(wanted, run.reports), broken);
  journal?.hive(alias, problems);
  for (const { message, hint } of problems) {
    context.narrate({ kind: 'warning', text: message, hint, on: `hive ${alias}` });
  }
  const state = stateOf(run.reports, problems, signal.aborted);
  const retry = isBad({ state }) ? retryCommand(alias) : null;
  return { alias, hostname, state, steps: run.reports, problems, ms: Math.round(performance.now() - began), retry };
};

interface LeaseContext extends HiveContext {
  lost: AbortController;
  run: HiveRun;
}

/** Why a hive cannot be changed, and whether nothing more can be done on it. */
interface Trouble {
  problems: readonly ErrorBody[];
  broken?: string;
}

/** Makes the plan again under the lease, and applies it. */
const underLease = async (alias: string, context: LeaseContext): Promise<Trouble> => {
  const { effects, limiter, signal, lost, takeOver = false } = context;
  const inner = relay(context.narrate, alias, alias);
  let lease: Lease | undefined;
  const onLost = () => lost.abort(lease?.lost.reason);
  try {
    lease = await limiter.within(() => effects.lease(alias, { narrate: inner.narrate, signal, takeOver }), signal);
    lease.lost.addEventListener('abort', onLost, { once: true });
    if (lease.lost.aborted) onLost();
    const problems = await changeHive(alias, context);
    if (signal.aborted) return { problems, broken: cancelled };
    if (!lost.signal.aborted) return { problems };
    const error = bodyOf(lost.signal.reason, alias);
    return { problems: [error], broken: error.message };
  } catch (thrown) {
    inner.fail();
    if (signal.aborted) return { problems: [], broken: cancelled };
    const error = bodyOf(thrown, alias);
    return { problems: [error], broken: error.message };
  } finally {
    lease?.lost.removeEventListener('abort', onLost);
    await lease?.release();
  }
};

const cancelled = 'the sync was cancelled';

/** The steps of one hive. After it was started, it is observed again: only a running hive can report everything. */
const changeHive = async (alias: string, context: LeaseContext): Promise<readonly ErrorBody[]> => {
  const { run, progress, journal } = context;
  const plan = await observedPlan(alias, context);
  const wanted = { ...plan, steps: wantedSteps(plan, context) };
  const comesUp = wanted.steps.some(({ kind }) => kind === 'install_hive' || kind === 'start_hive');
  journal?.plan(alias, wanted.steps, !comesUp);
  if (!(await run.first(wanted))) {
    run.skip(notReported(wanted.steps, run.reports), 'the hive does not run');
    return plan.problems;
  }
  if (!comesUp) {
    await run.rest(wanted);
    return plan.problems;
  }
  if (wanted.steps.length === 1 && !startsIt(wanted.steps[0]!)) {
    journal?.plan(alias, [], true);
    return plan.problems;
  }
  const again = await observedPlan(alias, context);
  const left = { ...again, steps: again.steps.filter((step) => !isHiveStep(step)) };
  journal?.plan(alias, left.steps, true);
  progress.more(left.steps.length - (wanted.steps.length - 1));
  await run.rest(left);
  return again.problems;
};

/** A plan for the current state of the hive. */
const observedPlan = async (alias: string, context: HiveContext): Promise<HivePlan> => {
  const { effects, limiter, desired, signal, removeExtra, force, replan = planHive } = context;
  const { narrate } = relay(context.narrate, alias, alias);
  const observed = await limiter.within(() => effects.observe(alias, { narrate, signal }), signal);
  if (observed.status === 'unreachable' && observed.error) throw RbeeError.from(observed.error);
  const own = desired.find((hive) => hive.alias === alias) ?? null;
  return replan({ desired: own, observed }, { removeExtra, force });
};

const startsIt = (step: SyncStep): boolean =>
  step.kind === 'start_hive' || (step.kind === 'install_hive' && step.start);

/** A hive that must be started first needs all its steps: what it lacks is known only then. */
const wantedSteps = ({ alias, steps }: HivePlan, { only }: Pick<ApplyOptions, 'only'>): SyncStep[] => {
  if (!only) return [...steps];
  const some = steps.some((step) => only(alias, step));
  const all = steps.some((step) => isHiveStep(step) && only(alias, step));
  return some ? steps.filter((step) => all || isHiveStep(step) || only(alias, step)) : [];
};

const notReported = (steps: readonly SyncStep[], reports: readonly StepReport[]): SyncStep[] => {
  const reported = new Set(reports.map(({ step }) => stepKey(step)));
  return steps.filter((step) => !reported.has(stepKey(step)));
};

const bodyOf = (thrown: unknown, alias: string): ErrorBody => asRbeeError(thrown, `hive ${alias}`).toJSON();

const stateOf = (
  reports: readonly StepReport[],
  problems: readonly ErrorBody[],
  cancelled: boolean,
): HiveReport['state'] => {
  const done = reports.filter(({ state }) => state === 'done').length;
  if (problems.length === 0 && done === reports.length) return done === 0 ? 'unchanged' : 'done';
  if (cancelled && !reports.some(({ state }) => state === 'failed')) return 'cancelled';
  return done > 0 ? 'partly' : 'failed';
};

const isBad = ({ state }: Pick<HiveReport, 'state'>): boolean => state !== 'unchanged' && state !== 'done';

/** The overall state, from the states of the hives. */
interface Progress {
  more(steps: number): void;
  ended(): void;
  end(hives: readonly HiveReport[]): void;
}

const progressOf = (options: ApplyOptions): Progress => {
  const { plan, narrate } = options;
  const busy = plan.hives.map((hive) => wantedSteps(hive, options).length).filter((steps) => steps > 0);
  let total = busy.reduce((sum, steps) => sum + steps, 0);
  let done = 0;
  if (total > 0) narrate({ kind: 'step', id: 'sync', text: `making ${count(busy.length, 'hive')} as declared` });
  return {
    more: (steps) => {
      total += steps;
    },
    ended: () => {
      done++;
      narrate({ kind: 'progress', id: 'sync', done, total: Math.max(done, total), unit: 'steps' });
    },
    end: (hives) => {
      if (busy.length === 0) return;
      const bad = hives.filter(isBad).length;
      const good = `${count(hives.length - bad, 'hive')} as declared`;
      if (bad === 0) narrate({ kind: 'done', id: 'sync', text: good });
      else narrate({ kind: 'done', id: 'sync', text: `${good}, ${bad} not`, failed: true });
    },
  };
};

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

const defaultCommand = (hive?: string): string =>
  hive === undefined ? 'rbee sync --retry-failed' : `rbee sync --hive ${hive}`;
