/** `rbee job watch` */
import type { JobEvent } from '../../../contract/api/narration.ts';
import { argument } from '../../base.ts';
import { JobFollowCommand } from '../../job-follow.ts';

export default class JobWatch extends JobFollowCommand {
  static override summary = 'Watch a job while it runs, from its first event on.';
  static override description = 'Ctrl-C stops watching, not the job. With --json, each event is one line.';
  static override examples = [
    { description: 'Watch a job', command: 'rbee job watch JOB' },
    { description: 'Its events, one JSON object per line', command: 'rbee job watch JOB --json' },
  ];
  static override args = { job: argument('Id of the job') };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(JobWatch);
    const queen = await this.queen(flags);
    const events = (signal: AbortSignal): AsyncIterable<JobEvent> => queen.watchJob(args.job, { signal });
    await this.watch(events);
  }
}
