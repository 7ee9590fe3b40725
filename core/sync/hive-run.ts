/** Runs the steps of one hive: in order, and concurrently if they do not depend on each other. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Narrate } from '../contract/api/narration.ts';
import type { HivePlan, StepReport, SyncStep, SyncStepKind } from '../contract/api/sync.ts';
import { asRbeeError, type ErrorBody, RbeeError } from '../contract/errors.ts';
import type { Semaphore } from '../lifecycle/async/semaphore.ts';
import { isHiveStep, stepDoing, stepDone, stepKey, stepText } from './describe.ts';
import type { SyncEffects } from './effects.ts';
import { relay } from './relay.ts';
import { backOffMs, isTransient, type RetryPolicy } from './retry.ts';

export interface HiveRunOptions {
  alias: string;
  effects: SyncEffects;
  limiter: Semaphore;
  narrate: Narrate;
  signal: AbortSignal;
  retries: RetryPolicy;
  random: () => number;
  /** The command that retries what failed. */
  retryCommand: string;
  onStep: (report: StepReport) => void;
}

type Step<Kind extends SyncStepKind> = Extract<SyncStep, { kind: Kind }>;
type WorkerStep = Step<'start_worker' | 'replace_worker'>;

export class HiveRun {
  readonly reports: StepReport[] = [];
  readonly #options: HiveRunOptions;

  constructor(options: HiveRunOptions) {
    this.#options = options;
  }

  /** Installs, starts or removes the hive. False if that failed. */
  async first(plan: HivePlan): Promise<boolean> {
    const [step] = plan.steps.filter(isHiveStep);
    return step === undefined || (await this.#do(step));
  }

  /** All other steps. */
  async rest(plan: HivePlan): Promise<void> {
    const steps = plan.steps.filter((step) => !isHiveStep(step));
    const of = <Kind extends SyncStepKind>(...kinds: Kind[]) =>
      steps.filter((step): step is Step<Kind> => (kinds as SyncStepKind[]).includes(step.kind));
    const badTypes = await this.#failed(
      of('install_worker'),
      (step) => step.package,
      ({ type }) => type,
    );
    const badModels = await this.#failed(
      of('download_model'),
      ({ model }) => model,
      ({ model }) => model,
    );
    await this.#failed(
      of('delete_worker'),
      ({ worker }) => worker,
      ({ worker }) => worker,
    );
    const needs = ({ spec }: WorkerStep): string | undefined => {
      if (badTypes.has(spec.type)) return `worker type ${spec.type} is missing`;
      return spec.model !== undefined && badModels.has(spec.model) ? `model ${spec.model} is missing` : undefined;
    };
    const groups = Map.groupBy(of('start_worker', 'replace_worker'), ({ group }) => group);
    await Promise.all([...groups.values()].map((group) => this.#group(group, needs)));
    for (const step of of('uninstall_worker')) await this.#do(step);
  }

  /** Reports these steps as skipped, with the reason. */
  skip(steps: readonly SyncStep[], because: string): void {
    for (const step of steps) this.#skipped(step, because);
  }

  /** Steps on different things run concurrently, those on the same thing one after another. Returns the failures. */
  async #failed<One extends SyncStep>(
    steps: readonly One[],
    thing: (step: One) => string,
    name: (step: One) => string,
  ): Promise<Set<string>> {
    const failed = new Set<string>();
    const lanes = [...Map.groupBy(steps, thing).values()];
    await Promise.all(
      lanes.map(async (lane) => {
        for (const step of lane) if (!(await this.#do(step))) failed.add(name(step));
      }),
    );
    return failed;
  }

  /**
   * The workers of one entry: those that are not running start concurrently, then the others are replaced one at a time.
   * If one does not start, the rest keep running unchanged.
   */
  async #group(steps: readonly WorkerStep[], needs: (step: WorkerStep) => string | undefined): Promise<void> {
    const begin = async (step: WorkerStep): Promise<boolean> => {
      const missing = needs(step);
      if (missing === undefined) return this.#do(step);
      this.#skipped(step, missing);
      return false;
    };
    await Promise.all(steps.filter(({ kind }) => kind === 'start_worker').map(begin));
    let broken: string | undefined;
    for (const step of steps.filter(({ kind }) => kind === 'replace_worker')) {
      if (broken !== undefined) this.#skipped(step, `${broken}, another replica, did not start`);
      else if (!(await begin(step))) broken = step.worker;
    }
  }

  async #do(step: SyncStep): Promise<boolean> {
    const { limiter, signal } = this.#options;
    const began = performance.now();
    let attempts = 0;
    try {
      const onTry = () => {
        attempts++;
      };
      await limiter.within(() => this.#attempt(step, onTry), signal);
      this.#report({ step, state: 'done', error: null, attempts, ms: since(began) });
      return true;
    } catch (thrown) {
      if (signal.aborted) {
        const reason = asRbeeError(signal.reason, 'the sync');
        const because = reason.code === 'SYNC_LEASE_LOST' ? reason.message : 'the sync was cancelled';
        if (attempts === 0) this.#skipped(step, because);
        else this.#report({ step, state: 'skipped', error: reason.toJSON(), attempts, ms: since(began) });
      } else {
        this.#report({ step, state: 'failed', error: this.#bodyOf(thrown), attempts, ms: since(began) });
      }
      return false;
    }
  }

  /** Retries until the step is done or the error is permanent. */
  async #attempt(step: SyncStep, onTry: () => void): Promise<void> {
    const { alias, effects, narrate, signal, retries, random } = this.#options;
    const id = `${alias}/${stepKey(step)}`;
    const on = `hive ${alias}`;
    narrate({ kind: 'step', id, text: stepDoing(step), on });
    const began = performance.now();
    for (let tries = 1; ; tries++) {
      onTry();
      const inner = relay(narrate, alias, id);
      try {
        await effects.perform(alias, step, { narrate: inner.narrate, signal });
        narrate({ kind: 'done', id, text: stepDone(step), ms: since(began) });
        return;
      } catch (thrown) {
        inner.fail();
        const error = this.#bodyOf(thrown);
        if (!signal.aborted && tries < retries.attempts && isTransient(error.code)) {
          narrate({ kind: 'warning', text: `${error.message}; trying again`, on });
          const wait = pause(backOffMs(retries, tries, random()), undefined, { signal });
          if (await wait.then(() => true).catch(() => false)) continue;
        }
        const why = signal.aborted ? 'was cancelled' : `failed: ${error.message}`;
        narrate({ kind: 'done', id, text: `${stepText(step)} ${why}`, failed: true, ms: since(began) });
        throw thrown;
      }
    }
  }

  #bodyOf(thrown: unknown): ErrorBody {
    return asRbeeError(thrown, `hive ${this.#options.alias}`, `rbee hive logs ${this.#options.alias}`).toJSON();
  }

  #skipped(step: SyncStep, because: string): void {
    const details = { what: stepText(step), because, command: this.#options.retryCommand };
    const error = RbeeError.of('SYNC_SKIPPED', details).toJSON();
    this.#report({ step, state: 'skipped', error, attempts: 0, ms: 0 });
  }

  #report(report: StepReport): void {
    this.reports.push(report);
    this.#options.onStep(report);
  }
}

const since = (began: number): number => Math.round(performance.now() - began);
