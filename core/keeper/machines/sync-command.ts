/** What `sync`, `install` and `uninstall` share: showing the plan, the report, and the exit code. */
import * as Flags from '@oclif/core/flags';
import type { OperationInput } from '../../contract/api/operations.ts';
import type { SyncPlan, SyncReport, SyncResult } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { HiveLines } from '../../narration/hive-lines.ts';
import type { PeoplePrinter } from '../../narration/people.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { exitCodes, syncExitCode } from '../terminal/report.ts';
import { formatPlan } from '../views/plan.ts';
import { formatReport } from '../views/sync-report.ts';
import { detachFlag } from '../worker-change.ts';
import { changeFlags, configFlag, configInput, hivesFlag, sshFlags, sshInput } from './flags.ts';

type Operation = 'package_sync' | 'package_install' | 'package_uninstall';

/** Of `sync` and `install`. */
export const installFlags = {
  ...configFlag,
  ...hivesFlag,
  force: Flags.boolean({ char: 'f', description: 'Reinstall hives and worker types' }),
  'retry-failed': Flags.boolean({ description: 'Only retry what failed or was left over last time' }),
  update: Flags.boolean({
    char: 'u',
    description: 'Ignore the versions in rbee.lock, and resolve the declared ones again',
  }),
  offline: Flags.boolean({ description: 'Only use what was downloaded before' }),
  yes: Flags.boolean({
    char: 'y',
    description: 'Confirm publishers and removals without asking; host keys are still asked about',
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
  /** Whether to show the plan before applying it. */
  protected planWanted = true;
  #planShown = false;

  /** The input that `sync` and `install` share. */
  protected installInput(flags: InstallFlags): OperationInput<'package_install'> {
    const { force, update, offline, parallel, yes } = flags;
    return {
      ...this.only({
        hives: flags.hive,
        config: configInput(flags.config, this.folder),
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

  /** Runs the operation, shows the plan and then the report, and sets the exit code. */
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
    // An empty line separates it from the report, if there will be one.
    return `${formatPlan(plan, this.out.terminal)}${plan.inSync ? '' : '\n'}`;
  }

  #conclude({ plan, report }: SyncResult): void {
    if (report === null) {
      if (!this.#planShown) this.print(plan, formatPlan);
      const troubled = plan.hives.filter(({ problems }) => problems.length > 0).length;
      if (troubled > 0) this.#leave(troubled < plan.hives.length ? exitCodes.partly : exitCodes.failed);
      return;
    }
    // If there was nothing to do, the plan has already said so.
    if (!this.#planShown || report.hives.some(({ state }) => state !== 'unchanged')) {
      this.print(report, formatReport);
    }
    this.#leave(syncExitCode(report));
    if (!report.cancelled && (report.failed || report.partial)) this.#complain(report);
  }

  /** Printed last if something failed: which hives, and the command to continue with. */
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
