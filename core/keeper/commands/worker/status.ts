/** `rbee worker status` */
import type { WorkerView } from '../../../contract/worker.ts';
import { argument, QueenCommand } from '../../base.ts';
import { formatWorkerStatus } from '../../views/workers.ts';
import { ofHiveFlag, workerPath } from '../../worker-name.ts';

interface Answer {
  id: string;
  state: string;
  pid: number | null;
  port: number | null;
  progress: number | null;
  failure: WorkerView['failure'];
}

export default class WorkerStatus extends QueenCommand {
  static override summary = 'Show the state of one worker in one line.';
  static override examples = [
    { description: 'Is it ready?', command: 'rbee worker status llamacpp-k3f9' },
    { description: 'The same for programs', command: 'rbee worker status llamacpp-k3f9 --json' },
  ];
  static override args = { worker: argument('Id of the worker') };
  static override flags = ofHiveFlag;

  async run(): Promise<Answer> {
    const { args, flags } = await this.parse(WorkerStatus);
    const worker = await (await this.queen(flags)).get<WorkerView>(workerPath({ ...args, ...flags }));
    this.print(worker, formatWorkerStatus);
    const { id, state, pid, port, progress, failure } = worker;
    return { id, state, pid, port, progress, failure };
  }
}
