/** `rbee worker wake` */
import type { WorkerView } from '../../../contract/worker.ts';
import { allFlag, detachFlag, WorkerChangeCommand, workersArgument } from '../../worker-change.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerWake extends WorkerChangeCommand {
  static override summary = 'Wake sleeping workers.';
  static override examples = [
    { description: 'Wake a worker ahead of its first request', command: 'rbee worker wake vllm-k3f9' },
    { description: 'The same for programs', command: 'rbee worker wake vllm-k3f9 --json' },
  ];
  static override args = workersArgument;
  static override flags = { ...ofHiveFlag, ...allFlag, ...detachFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorkerWake);
    return this.change('worker_wake', { workers: args.workers, flags }, said);
  }
}

const said = (worker: WorkerView): string => `${worker.id} is ${worker.state}`;
