/** `rbee worker stop` */
import type { WorkerView } from '../../../contract/worker.ts';
import { allFlag, detachFlag, nowFlag, WorkerChangeCommand, workersArgument } from '../../worker-change.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerStop extends WorkerChangeCommand {
  static override summary = 'Drain and stop workers; they can be started again.';
  static override examples = [
    { description: 'Let running requests finish, then stop', command: 'rbee worker stop llamacpp-k3f9' },
    { description: 'Stop every worker at once', command: 'rbee worker stop --all --now' },
  ];
  static override args = workersArgument;
  static override flags = { ...ofHiveFlag, ...allFlag, ...nowFlag, ...detachFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorkerStop);
    return this.change('worker_stop', { workers: args.workers, flags }, said);
  }
}

const said = (worker: WorkerView): string => `stopped ${worker.id}`;
