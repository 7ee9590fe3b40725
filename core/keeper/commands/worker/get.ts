/** `rbee worker get` */
import type { WorkerView } from '../../../contract/worker.ts';
import { argument, QueenCommand } from '../../base.ts';
import { formatWorker } from '../../views/workers.ts';
import { ofHiveFlag, workerPath } from '../../worker-name.ts';

export default class WorkerGet extends QueenCommand {
  static override summary = 'Show everything about one worker.';
  static override examples = [
    { description: 'Details of a worker, such as why it failed', command: 'rbee worker get llamacpp-k3f9' },
    { description: 'The same for programs', command: 'rbee worker get llamacpp-k3f9 --json' },
  ];
  static override args = { worker: argument('Id of the worker') };
  static override flags = ofHiveFlag;

  async run(): Promise<WorkerView> {
    const { args, flags } = await this.parse(WorkerGet);
    const worker = await (await this.queen(flags)).get<WorkerView>(workerPath({ ...args, ...flags }));
    this.print(worker, formatWorker);
    return worker;
  }
}
