/** `rbee job get` */
import type { JobView } from '../../../contract/api/queen-api.ts';
import { argument, QueenCommand } from '../../base.ts';
import { formatJob } from '../../views/jobs.ts';

export default class JobGet extends QueenCommand {
  static override summary = 'Show one job: its input and its outcome.';
  static override examples = [
    { description: 'One job', command: 'rbee job get JOB' },
    { description: 'The same for programs', command: 'rbee job get JOB --json' },
  ];
  static override args = { job: argument('Id of the job') };

  async run(): Promise<JobView> {
    const { args, flags } = await this.parse(JobGet);
    const job = await (await this.queen(flags)).get<JobView>(`/v1/jobs/${encodeURIComponent(args.job)}`);
    this.print(job, formatJob);
    return job;
  }
}
