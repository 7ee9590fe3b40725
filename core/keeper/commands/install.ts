/** `rbee install` */
import type { SyncResult } from '../../contract/api/sync.ts';
import { installFlags, SyncCommand } from '../machines/sync-command.ts';

export default class Install extends SyncCommand {
  static override summary = 'Install and start everything in hives.conf that is missing; remove nothing.';
  static override examples = [
    { description: 'On all machines', command: 'rbee install' },
    { description: 'On a new machine', command: 'rbee install --hive gpu-2' },
    { description: 'Reinstall', command: 'rbee install --hive gpu-2 --force' },
  ];
  static override flags = installFlags;

  async run(): Promise<SyncResult | { job_id: string }> {
    const { flags } = await this.parse(Install);
    const input = this.installInput(flags);
    const queen = await this.queen(flags);
    return flags.detach
      ? this.detachJob(queen, 'package_install', input)
      : this.perform(queen, 'package_install', input);
  }
}
