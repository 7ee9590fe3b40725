/** `rbee worker logs` */
import { argument } from '../../base.ts';
import { followFlags, LogsCommand } from '../../logs-command.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerLogs extends LogsCommand {
  static override summary = 'Show the log of a worker and its engine.';
  static override examples = [
    { description: 'The last lines', command: 'rbee worker logs llamacpp-k3f9' },
    { description: 'Follow the log', command: 'rbee worker logs llamacpp-k3f9 --follow --lines 20' },
  ];
  static override args = { worker: argument('Id of the worker') };
  static override flags = { ...ofHiveFlag, ...followFlags };

  async run(): Promise<{ lines: string[] } | undefined> {
    const { args, flags } = await this.parse(WorkerLogs);
    const queen = await this.queen(flags);
    return this.show(flags, ({ lines, follow, signal }) =>
      queen.logs({ ...args, ...flags }, { lines, follow, signal }),
    );
  }
}
