/** `rbee sync` */
import * as Flags from '@oclif/core/flags';
import type { SyncResult } from '../../contract/api/sync.ts';
import { installFlags, SyncCommand } from '../machines/sync-command.ts';

export default class Sync extends SyncCommand {
  static override summary = 'Bring all machines in line with hives.conf.';
  static override description =
    'Shows the plan, then applies it to all machines in parallel. Keeps what is not declared, unless you add --remove-extra. Exit code 3 if some hives failed, 1 if all failed.';
  static override examples = [
    { description: 'All machines', command: 'rbee sync' },
    { description: 'Only show the plan', command: 'rbee sync --dry-run' },
    { description: 'Two machines', command: 'rbee sync --hive gpu-1 --hive gpu-2' },
    { description: 'Only what failed last time', command: 'rbee sync --retry-failed' },
    { description: 'Resolve "latest" and version ranges again', command: 'rbee sync --update' },
    { description: 'With another file, for programs', command: 'rbee sync --config ./lab.conf --json' },
  ];
  static override flags = {
    ...installFlags,
    'remove-extra': Flags.boolean({
      description: 'Also remove hives, worker types and workers that are not declared',
    }),
  };

  async run(): Promise<SyncResult | { job_id: string }> {
    const { flags } = await this.parse(Sync);
    const input = { ...this.installInput(flags), ...this.only({ removeExtra: flags['remove-extra'] }) };
    const queen = await this.queen(flags);
    return flags.detach ? this.detachJob(queen, 'package_sync', input) : this.perform(queen, 'package_sync', input);
  }
}
