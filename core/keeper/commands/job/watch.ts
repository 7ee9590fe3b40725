/** `rbee job watch` */
import type { JobEvent } from '../../../contract/narration.ts';
import { argument } from '../../base.ts';
import { JobFollowCommand } from '../../job-follow.ts';

export default class JobWatch extends JobFollowCommand {
  static override summary = 'Look at a job as it runs, from its first event on.';
  static override description = 'Ctrl-C ends the looking, not the job. With --json each event is one line.';
  static override examples = [
    { description: 'What is it doing?', command: 'rbee job watch JOB' },
    { description: 'Its events, one JSON object a line', command: 'rbee job watch JOB --json' },
  ];
  static override args = { job: argument('Id of the job') };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(JobWatch);
    const queen = await this.queen(flags);
    const events = (signal: AbortSignal): AsyncIterable<JobEvent> => queen.watchJob(args.job, { signal });
    await this.watch(events);
  }
}
