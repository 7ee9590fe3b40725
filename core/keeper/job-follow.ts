/** What `job watch` and `job attach` share. */

import { isOutcome, type JobEvent } from '../contract/api/narration.ts';
import type { HiveView } from '../contract/api/queen-api.ts';
import type { SyncResult } from '../contract/api/sync.ts';
import { RbeeError } from '../contract/errors.ts';
import type { WorkerView } from '../contract/worker.ts';
import { printForMachines } from '../narration/machine.ts';
import { QueenCommand } from './base.ts';
import { catchInterrupts } from './terminal/interrupts.ts';
import { exitCodes, syncExitCode } from './terminal/report.ts';
import { formatHiveStatus } from './views/hives.ts';
import { formatPlan } from './views/plan.ts';
import { formatReport } from './views/sync-report.ts';
import { formatSpawned, formatWorkerStatus } from './views/workers.ts';

export abstract class JobFollowCommand extends QueenCommand {
  /** Shows events until the outcome, and throws it if it is an error. Ctrl-C only stops watching. */
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

  /** Prints the result of a job like the command that starts such jobs. */
  protected printResult(operation: string, result: unknown): void {
    if (operation === 'worker_spawn') this.print(result as WorkerView, formatSpawned);
    else if (operation === 'worker_delete') this.printLine(`deleted ${(result as WorkerView).id}`);
    else if (/^worker_(start|stop|restart)$/.test(operation)) this.print(result as WorkerView, formatWorkerStatus);
    else if (/^package_(sync|install|uninstall)$/.test(operation)) {
      const { plan, report } = result as SyncResult;
      if (report !== null) process.exitCode = this.interrupted ? exitCodes.interrupted : syncExitCode(report);
      if (report === null) this.print(plan, formatPlan);
      else this.print(report, formatReport);
    } else if (/^hive_(start|stop|restart)$/.test(operation)) this.print(result as HiveView, formatHiveStatus);
    // The answer of `infer` was already narrated.
    else if (operation !== 'infer' && !this.jsonEnabled()) this.out.json(result, 2);
  }

  async #asLines(events: AsyncIterable<JobEvent>): Promise<void> {
    const print = printForMachines(this.out);
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
