/** `rbee worker start` */
import type { WorkerView } from '../../../contract/worker.ts';
import { allFlag, detachFlag, WorkerChangeCommand, workersArgument } from '../../worker-change.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerStart extends WorkerChangeCommand {
  static override summary = 'Start workers that are stopped or failed.';
  static override examples = [
    { description: 'Start a worker again and wait until it is ready', command: 'rbee worker start llamacpp-k3f9' },
    { description: 'Do not wait', command: 'rbee worker start llamacpp-k3f9 --detach' },
  ];
  static override args = workersArgument;
  static override flags = { ...ofHiveFlag, ...allFlag, ...detachFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorkerStart);
    return this.change('worker_start', { workers: args.workers, flags }, said);
  }
}

const said = (worker: WorkerView): string =>
  `${worker.id} is ${worker.state} (pid ${worker.pid ?? '-'}, port ${worker.port ?? '-'})`;
