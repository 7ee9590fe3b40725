/** `rbee job attach` */

import { argument } from '../../base.ts';
import { JobFollowCommand } from '../../job-follow.ts';

export default class JobAttach extends JobFollowCommand {
  static override summary = 'Attach to a job that runs in the background.';
  static override description = 'Ctrl-C cancels the job; to only watch it, use rbee job watch.';
  static override examples = [
    { description: 'Follow a job that was started with --detach', command: 'rbee job attach JOB' },
    { description: 'Wait for its result, for programs', command: 'rbee job attach JOB --json' },
  ];
  static override args = { job: argument('Id of the job') };

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(JobAttach);
    const queen = await this.queen(flags);
    const result = await this.resumeJob(queen, args.job);
    const { operation } = await queen.get<{ operation: string }>(`/v1/jobs/${encodeURIComponent(args.job)}`);
    this.printResult(operation, result);
    return result;
  }
}
