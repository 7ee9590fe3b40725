/** `rbee job cancel` */
import type { JobView } from '../../../contract/api/queen-api.ts';
import { argument, QueenCommand } from '../../base.ts';

export default class JobCancel extends QueenCommand {
  static override summary = 'Cancel a running job.';
  static override examples = [{ description: 'Cancel a job', command: 'rbee job cancel JOB' }];
  static override args = { job: argument('Id of the job') };

  async run(): Promise<JobView> {
    const { args, flags } = await this.parse(JobCancel);
    const job = await (await this.queen(flags)).cancelJob(args.job);
    this.printLine(`cancelling ${job.operation} (job ${job.id})`);
    return job;
  }
}
