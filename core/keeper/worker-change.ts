/** What `worker start|stop|sleep|wake|restart|delete` share: one or several workers, one job each. */
import * as Flags from '@oclif/core/flags';
import { isOutcome } from '../contract/api/narration.ts';
import { type ErrorBody, RbeeError } from '../contract/errors.ts';
import type { WorkerView } from '../contract/worker.ts';
import type { QueenClient, WorkerName } from '../queen/client/index.ts';
import { argumentsOf, QueenCommand } from './base.ts';
import { catchInterrupts } from './terminal/interrupts.ts';
import { exitCodes } from './terminal/report.ts';
import { workerPath } from './worker-name.ts';

type Operation = 'worker_start' | 'worker_stop' | 'worker_sleep' | 'worker_wake' | 'worker_restart' | 'worker_delete';

/** The outcome for one worker. */
type Change = { worker: string; view: WorkerView } | { worker: string; error: RbeeError };

/** For several workers with `--json`. */
interface Changes {
  workers: WorkerView[];
  errors: { worker: string; error: ErrorBody }[];
}

export const workersArgument = { workers: argumentsOf('Ids of the workers') };
export const allFlag = { all: Flags.boolean({ description: 'All workers of the fleet' }) };
export const nowFlag = { now: Flags.boolean({ description: 'Do not wait for running requests' }) };
export const detachFlag = { detach: Flags.boolean({ char: 'd', description: 'Do not wait; print the id of the job' }) };

interface Wanted {
  workers: readonly string[] | undefined;
  flags: { all?: boolean; hive?: string; now?: boolean; detach?: boolean; 'no-start'?: boolean };
}

export abstract class WorkerChangeCommand extends QueenCommand {
  protected async change(operation: Operation, { workers = [], flags }: Wanted, said: (view: WorkerView) => string) {
    if (workers.length === 0 && !flags.all) throw this.#usage('name at least one worker, or add --all');
    if (workers.length > 0 && flags.all) throw this.#usage('name workers or add --all, not both');
    const queen = await this.queen(flags);
    const { hive } = flags;
    const named = [...new Set(workers)].map((worker) => ({ worker, ...(hive !== undefined && { hive }) }));
    const targets = flags.all ? await allWorkers(queen, hive) : named;
    if (targets.length === 0) this.printLine('there are no workers');
    const inputOf = (name: WorkerName) => (flags.now ? { ...name, now: true } : name);
    if (flags.detach) {
      const jobs = [];
      for (const name of targets) jobs.push(await this.detachJob(queen, operation, inputOf(name)));
      return jobs.length === 1 ? jobs[0] : { jobs };
    }
    const [only] = targets;
    if (targets.length === 1 && only !== undefined && !flags.all) {
      const before = await idle(queen, operation, only);
      // Only for the message: the hive decides whether there is anything to do.
      const view = await (before === undefined
        ? this.runJob(queen, operation, inputOf(only))
        : queen.runOperation(operation, inputOf(only)));
      this.printLine(
        before !== undefined && view.state === before ? `${only.worker} is already ${before}` : said(view),
      );
      return view;
    }
    return this.#several(queen, operation, targets.map(inputOf), said);
  }

  async #several(
    queen: QueenClient,
    operation: Operation,
    inputs: readonly (WorkerName & { now?: boolean })[],
    said: (view: WorkerView) => string,
  ): Promise<Changes> {
    const changes = await this.narrated(async (narrate) => {
      const interrupts = catchInterrupts(() => {
        this.interrupted = true;
      });
      const one = async (input: WorkerName): Promise<Change> => {
        const { worker } = input;
        try {
          const view = await queen.runOperation(operation, input, {
            signal: interrupts.signal,
            onEvent: (event) => {
              if (isOutcome(event)) return;
              // Steps of different jobs may have the same id.
              narrate('id' in event ? { ...event, id: `${input.hive ?? ''} ${worker} ${event.id}` } : event);
            },
          });
          return { worker, view };
        } catch (thrown) {
          return { worker, error: this.reportable(thrown) };
        }
      };
      return Promise.all(inputs.map(one)).finally(() => interrupts.stop());
    });
    return this.#report(changes, said);
  }

  #report(changes: readonly Change[], said: (view: WorkerView) => string): Changes {
    const result: Changes = { workers: [], errors: [] };
    for (const change of changes) {
      if ('view' in change) {
        result.workers.push(change.view);
        this.printLine(said(change.view));
      } else {
        result.errors.push({ worker: change.worker, error: change.error.toJSON() });
        this.complain(change.error);
      }
    }
    if (result.errors.length > 0) process.exitCode = result.workers.length > 0 ? exitCodes.partly : exitCodes.failed;
    if (this.interrupted) process.exitCode = exitCodes.interrupted;
    return result;
  }

  #usage(problem: string): RbeeError {
    return RbeeError.of('USAGE', { problem, help: `rbee ${(this.id ?? '').replaceAll(':', ' ')} --help` });
  }
}

const wanted: Partial<Record<Operation, string>> = {
  worker_start: 'ready',
  worker_stop: 'stopped',
  worker_sleep: 'sleeping',
  worker_wake: 'ready',
};

/** The state of a worker that is already as requested; undefined if there is something to do. */
const idle = async (queen: QueenClient, operation: Operation, name: WorkerName): Promise<string | undefined> => {
  if (wanted[operation] === undefined) return undefined;
  const view = await queen.get<WorkerView>(workerPath(name)).catch(() => undefined);
  return view?.state === wanted[operation] ? view?.state : undefined;
};

const allWorkers = async (queen: QueenClient, only: string | undefined): Promise<WorkerName[]> => {
  const { workers } = await queen.get<{ workers: WorkerView[] }>('/v1/workers');
  return workers
    .filter(({ hive }) => only === undefined || hive === only)
    .map(({ id, hive }) => ({ worker: id, hive }));
};
