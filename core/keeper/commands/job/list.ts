/** `rbee job list` */
import * as Flags from '@oclif/core/flags';
import type { JobView } from '../../../contract/queen-api.ts';
import { QueenCommand } from '../../base.ts';
import { formatJobs } from '../../views/jobs.ts';

export default class JobList extends QueenCommand {
  static override summary = 'Jobs, the latest first.';
  static override examples = [
    { description: 'What was done lately', command: 'rbee job list' },
    { description: 'More of it, for programs', command: 'rbee job list --limit 200 --json' },
  ];
  static override flags = { limit: Flags.integer({ description: 'How many', default: 20, min: 1 }) };

  async run(): Promise<{ jobs: JobView[] }> {
    const { flags } = await this.parse(JobList);
    const list = await (await this.queen(flags)).get<{ jobs: JobView[] }>(`/v1/jobs?limit=${flags.limit}`);
    this.print(list.jobs, formatJobs);
    return list;
  }
}
