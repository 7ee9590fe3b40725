/** `rbee worker sleep` */
import type { WorkerView } from '../../../contract/worker.ts';
import { allFlag, detachFlag, nowFlag, WorkerChangeCommand, workersArgument } from '../../worker-change.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerSleep extends WorkerChangeCommand {
  static override summary = 'Free the device memory of workers; the next request wakes them.';
  static override examples = [
    { description: 'Let running requests finish, then free the GPU', command: 'rbee worker sleep vllm-k3f9' },
    { description: 'Several at once, for programs', command: 'rbee worker sleep vllm-k3f9 vllm-m2qa --json' },
  ];
  static override args = workersArgument;
  static override flags = { ...ofHiveFlag, ...allFlag, ...nowFlag, ...detachFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorkerSleep);
    return this.change('worker_sleep', { workers: args.workers, flags }, said);
  }
}

const said = (worker: WorkerView): string => `${worker.id} is ${worker.state}`;
