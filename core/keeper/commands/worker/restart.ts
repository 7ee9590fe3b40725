/** `rbee worker restart` */
import type { WorkerView } from '../../../contract/worker.ts';
import { allFlag, detachFlag, nowFlag, WorkerChangeCommand, workersArgument } from '../../worker-change.ts';
import { ofHiveFlag } from '../../worker-name.ts';

export default class WorkerRestart extends WorkerChangeCommand {
  static override summary = 'Stop workers and start them again.';
  static override examples = [
    { description: 'Restart one worker', command: 'rbee worker restart llamacpp-k3f9' },
    { description: 'Restart two, without draining', command: 'rbee worker restart llamacpp-k3f9 llamacpp-m2qa --now' },
  ];
  static override args = workersArgument;
  static override flags = { ...ofHiveFlag, ...allFlag, ...nowFlag, ...detachFlag };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(WorkerRestart);
    return this.change('worker_restart', { workers: args.workers, flags }, said);
  }
}

const said = (worker: WorkerView): string =>
  `${worker.id} is ${worker.state} (pid ${worker.pid ?? '-'}, port ${worker.port ?? '-'})`;
