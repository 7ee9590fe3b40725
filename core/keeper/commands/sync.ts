/** `rbee sync` */
import * as Flags from '@oclif/core/flags';
import type { SyncResult } from '../../contract/sync.ts';
import { installFlags, SyncCommand } from '../machines/sync-command.ts';

export default class Sync extends SyncCommand {
  static override summary = 'Make all machines as hives.conf says.';
  static override description =
    'Shows the plan, then applies it to all machines at once. What is not declared stays, unless --remove-extra says otherwise. Exit code 3 when some hives failed, 1 when all did.';
  static override examples = [
    { description: 'All machines', command: 'rbee sync' },
    { description: 'What would be done?', command: 'rbee sync --dry-run' },
    { description: 'Two of them', command: 'rbee sync --hive gpu-1 --hive gpu-2' },
    { description: 'Only what failed the last time', command: 'rbee sync --retry-failed' },
    { description: 'Bring "latest" and ranges to what they mean today', command: 'rbee sync --update' },
    { description: 'Another file, for programs', command: 'rbee sync --config ./lab.conf --json' },
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
