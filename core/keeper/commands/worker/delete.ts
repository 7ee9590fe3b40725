/** `rbee worker delete` */
import type { WorkerView } from '../../../contract/worker.ts';
import { allFlag, detachFlag, nowFlag, WorkerChangeCommand, workersArgument } from '../../worker-change.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerDelete extends WorkerChangeCommand {
  static override summary = 'Stop workers and delete them.';
  static override examples = [
    { description: 'Delete one worker', command: 'rbee worker delete llamacpp-k3f9' },
    { description: 'Delete all workers', command: 'rbee worker delete --all' },
  ];
  static override args = workersArgument;
  static override flags = { ...ofHiveFlag, ...allFlag, ...nowFlag, ...detachFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorkerDelete);
    return this.change('worker_delete', { workers: args.workers, flags }, said);
  }
}

const said = (worker: WorkerView): string => `deleted ${worker.id}`;
