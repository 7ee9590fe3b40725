/** `rbee job list` */
import * as Flags from '@oclif/core/flags';
import type { JobView } from '../../../contract/api/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { formatJobs } from '../../views/jobs.ts';

export default class JobList extends QueenCommand {
  static override summary = 'List jobs, newest first.';
  static override examples = [
    { description: 'The latest jobs', command: 'rbee job list' },
    { description: 'More jobs, for programs', command: 'rbee job list --limit 200 --json' },
  ];
  static override flags = { limit: Flags.integer({ description: 'Number of jobs to list', default: 20, min: 1 }) };

  async run(): Promise<{ jobs: JobView[] }> {
    const { flags } = await this.parse(JobList);
    const list = await (await this.queen(flags)).get<{ jobs: JobView[] }>(`/v1/jobs?limit=${flags.limit}`);
    this.print(list.jobs, formatJobs);
    return list;
  }
}
