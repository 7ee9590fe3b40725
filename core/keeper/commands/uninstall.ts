/** `rbee uninstall` */
import * as Flags from '@oclif/core/flags';
import type { OperationInput } from '../../contract/api/operations.ts';
import type { WorkerList } from '../../contract/api/queen-api.ts';
import type { SyncPlan, SyncResult } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { changeFlags, configFlag, configInput, hivesFlag, sshFlags, sshInput } from '../machines/flags.ts';
import { SyncCommand } from '../machines/sync-command.ts';
import { confirm } from '../terminal/confirm.ts';
import { formatRemoval } from '../views/removal.ts';
import { detachFlag } from '../worker-change.ts';

export default class Uninstall extends SyncCommand {
  static override summary = 'Uninstall rbee from machines: stops their workers and removes the hive.';
  static override description =
    'Lists what will be removed, and asks first. Does not change hives.conf; to remove a machine from it, use rbee hive remove.';
  static override examples = [
    { description: 'From one machine', command: 'rbee uninstall --hive gpu-2' },
    { description: 'With its models, plugins, logs and settings', command: 'rbee uninstall --hive gpu-2 --purge' },
    { description: 'From all machines, in a script', command: 'rbee uninstall --yes' },
    { description: 'Only show what would be removed', command: 'rbee uninstall --dry-run' },
  ];
  static override flags = {
    ...configFlag,
    ...hivesFlag,
    purge: Flags.boolean({ description: 'Also remove the models, plugins, logs and settings there' }),
    yes: Flags.boolean({ char: 'y', description: 'Do not ask for confirmation' }),
    ...changeFlags,
    ...sshFlags,
    ...detachFlag,
  };

  async run(): Promise<SyncResult | { job_id: string }> {
    const { flags } = await this.parse(Uninstall);
    const { purge, parallel } = flags;
    const input = {
      ...this.only({
        hives: flags.hive,
        config: configInput(flags.config, this.folder),
        purge,
        parallel,
        takeOver: flags['take-over'],
      }),
      ...sshInput(flags, this.env),
    };
    const dryRun = flags['dry-run'];
    if (!flags.yes && !dryRun && !process.stdin.isTTY) {
      throw RbeeError.of('USAGE', {
        problem: 'this removes rbee from machines, and there is no terminal to ask for confirmation; add --yes',
        help: 'rbee uninstall --help',
      });
    }
    const queen = await this.queen(flags);
    if (dryRun) return this.perform(queen, 'package_uninstall', { ...input, dryRun });
    if (!flags.yes && !(await this.#agreed(queen, input))) {
      throw RbeeError.of('CANCELLED', { what: 'the removal' });
    }
    return flags.detach
      ? this.detachJob(queen, 'package_uninstall', input)
      : this.perform(queen, 'package_uninstall', input);
  }

  /** Finds out what would be removed, lists it, and asks. */
  async #agreed(queen: QueenClient, input: OperationInput<'package_uninstall'>): Promise<boolean> {
    // The list below replaces the plan that a sync would show.
    this.planWanted = false;
    const { plan } = await this.runJob(queen, 'package_uninstall', { ...input, dryRun: true });
    const { workers } = await queen.get<WorkerList>('/v1/workers');
    this.err.show({ plan, workers }, (data, terminal) => formatRemoval(data.plan, data.workers, terminal));
    if (!goes(plan)) return true;
    return confirm('Remove it?');
  }
}

/** Whether there is anything to remove. If not, no question is asked, and the report says so. */
const goes = ({ steps }: SyncPlan): boolean => steps > 0;
