/** What `sync`, `install` and `uninstall` share: a plan that is shown, a report, and the exit code that goes with it. */
import * as Flags from '@oclif/core/flags';
import { RbeeError } from '../../contract/errors.ts';
import type { OperationInput } from '../../contract/operations.ts';
import type { SyncPlan, SyncReport, SyncResult } from '../../contract/sync.ts';
import { HiveLines } from '../../narration/hive-lines.ts';
import type { PeoplePrinter } from '../../narration/people.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { exitCodes, syncExitCode } from '../report.ts';
import { formatPlan } from '../views/plan.ts';
import { formatReport } from '../views/sync-report.ts';
import { detachFlag } from '../worker-change.ts';
import { changeFlags, configFlag, configInput, hivesFlag, sshFlags, sshInput } from './flags.ts';

type Operation = 'package_sync' | 'package_install' | 'package_uninstall';

/** Of `sync` and `install`. */
export const installFlags = {
  ...configFlag,
  ...hivesFlag,
  force: Flags.boolean({ char: 'f', description: 'Install hives and worker types again although they are there' }),
  'retry-failed': Flags.boolean({ description: 'Do only what failed or was left the last time' }),
  update: Flags.boolean({
    char: 'u',
    description: 'Resolve versions anew in place of what rbee.lock says, within what is declared',
  }),
  offline: Flags.boolean({ description: 'Use only what was fetched before' }),
  yes: Flags.boolean({
    char: 'y',
    description: 'Ask about no publisher and no removal; host keys are asked about all the same',
  }),
  ...changeFlags,
  ...sshFlags,
  ...detachFlag,
};

export interface InstallFlags {
  config?: string;
  hive?: string[];
  force?: boolean;
  'retry-failed'?: boolean;
  update?: boolean;
  offline?: boolean;
  yes?: boolean;
  'dry-run'?: boolean;
  parallel?: number;
  'take-over'?: boolean;
  'accept-new-host-keys'?: boolean;
}

export abstract class SyncCommand extends QueenCommand {
  /** Whether the plan is shown before it is applied. */
  protected planWanted = true;
  #planShown = false;

  /** What `sync` and `install` ask for alike. */
  protected installInput(flags: InstallFlags): OperationInput<'package_install'> {
    const { force, update, offline, parallel, yes } = flags;
    return {
      ...this.only({
        hives: flags.hive,
        config: configInput(flags.config, process.cwd()),
        dryRun: flags['dry-run'],
        force,
        retryFailed: flags['retry-failed'],
        update,
        parallel,
        takeOver: flags['take-over'],
        offline,
        yes,
      }),
      ...sshInput(flags, this.env),
    };
  }

  /** Runs it, shows the plan before and the report after, and leaves the exit code. */
  protected async perform<Name extends Operation>(
    queen: QueenClient,
    operation: Name,
    input: OperationInput<Name>,
  ): Promise<SyncResult> {
    const result = (await this.runJob(queen, operation, input)) as SyncResult;
    this.#conclude(result);
    return result;
  }

  protected override printer(): PeoplePrinter {
    const answer = this.jsonEnabled() ? this.silence : this.out;
    return new HiveLines({ narration: this.err, answer, formatPlan: (plan) => this.#planned(plan) });
  }

  #planned(plan: SyncPlan): string {
    if (!this.planWanted) return '';
    this.#planShown = true;
    // A line apart from the report, where there will be one.
    return `${formatPlan(plan, this.out.terminal)}${plan.inSync ? '' : '\n'}`;
  }

  #conclude({ plan, report }: SyncResult): void {
    if (report === null) {
      if (!this.#planShown) this.print(plan, formatPlan);
      const troubled = plan.hives.filter(({ problems }) => problems.length > 0).length;
      if (troubled > 0) this.#leave(troubled < plan.hives.length ? exitCodes.partly : exitCodes.failed);
      return;
    }
    // Where there was nothing to do the plan has said so.
    if (!this.#planShown || report.hives.some(({ state }) => state !== 'unchanged')) {
      this.print(report, formatReport);
    }
    this.#leave(syncExitCode(report));
    if (!report.cancelled && (report.failed || report.partial)) this.#complain(report);
  }

  /** The last word where not all is well: which hives, and the command that goes on. */
  #complain({ failed, hives, retry }: SyncReport): void {
    const names = hives.filter(({ state }) => state !== 'unchanged' && state !== 'done').map(({ alias }) => alias);
    const about = { hives: names.join(', '), command: retry ?? `rbee ${(this.id ?? 'sync').replaceAll(':', ' ')}` };
    const error = failed
      ? RbeeError.of('SYNC_FAILED', about)
      : RbeeError.of('SYNC_INCOMPLETE', { ...about, failed: String(names.length), total: String(hives.length) });
    this.complain(error);
  }

  #leave(code: number): void {
    if (!this.interrupted && code !== exitCodes.fine) process.exitCode = code;
  }
}
