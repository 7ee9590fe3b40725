/** What `job watch` and `job attach` share. */
import { RbeeError } from '../contract/errors.ts';
import { isOutcome, type JobEvent } from '../contract/narration.ts';
import type { HiveView } from '../contract/queen-api.ts';
import type { SyncResult } from '../contract/sync.ts';
import type { WorkerView } from '../contract/worker.ts';
import { printForMachines } from '../narration/machine.ts';
import { QueenCommand } from './base.ts';
import { catchInterrupts } from './interrupts.ts';
import { exitCodes, syncExitCode } from './report.ts';
import { formatHiveStatus } from './views/hives.ts';
import { formatPlan } from './views/plan.ts';
import { formatReport } from './views/sync-report.ts';
import { formatSpawned, formatWorkerStatus } from './views/workers.ts';

export abstract class JobFollowCommand extends QueenCommand {
  /** Shows events until the outcome, which is thrown when it is an error. Ctrl-C only ends the looking. */
  protected async watch(open: (signal: AbortSignal) => AsyncIterable<JobEvent>): Promise<void> {
    const interrupts = catchInterrupts(() => {
      this.interrupted = true;
      process.exitCode = exitCodes.interrupted;
    });
    try {
      const events = open(interrupts.signal);
      await (this.jsonEnabled() ? this.#asLines(events) : this.#asNarration(events));
    } finally {
      interrupts.stop();
    }
  }

  /** The result of a job as the command that starts such jobs prints it. */
  protected formatResult(operation: string, result: unknown): string {
    const { terminal } = this.out;
    if (operation === 'worker_spawn') return formatSpawned(result as WorkerView, terminal);
    if (operation === 'worker_delete') return `deleted ${(result as WorkerView).id}\n`;
    if (/^worker_(start|stop|restart)$/.test(operation)) return formatWorkerStatus(result as WorkerView, terminal);
    if (/^package_(sync|install|uninstall)$/.test(operation)) {
      const { plan, report } = result as SyncResult;
      if (report !== null) process.exitCode = this.interrupted ? exitCodes.interrupted : syncExitCode(report);
      return report === null ? formatPlan(plan, terminal) : formatReport(report, terminal);
    }
    if (/^hive_(start|stop|restart)$/.test(operation)) return formatHiveStatus(result as HiveView, terminal);
    // The answer itself was narrated.
    return operation === 'infer' ? '' : `${JSON.stringify(result, null, 2)}\n`;
  }

  async #asLines(events: AsyncIterable<JobEvent>): Promise<void> {
    const print = printForMachines(this.out.stream);
    for await (const event of events) {
      print(event);
      if (event.kind === 'error') process.exitCode = exitCodes.failed;
    }
  }

  async #asNarration(events: AsyncIterable<JobEvent>): Promise<void> {
    await this.narrated(async (narrate) => {
      for await (const event of events) {
        if (!isOutcome(event)) narrate(event);
        else if (event.kind === 'error') throw RbeeError.from(event.error);
        else narrate({ kind: 'info', text: 'the job succeeded' });
      }
    });
  }
}
