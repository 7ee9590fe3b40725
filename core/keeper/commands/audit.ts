/** `rbee audit` */
import * as Flags from '@oclif/core/flags';
import type { AuditEntry } from '../../contract/api/access.ts';
import { QueenCommand } from '../base.ts';
import { formatAudit } from '../views/keys.ts';

export default class Audit extends QueenCommand {
  static override summary = 'Show who asked for which operation, from where, and with what result.';
  static override description =
    'Operations that change something or need scope admin are recorded when they start and when they end, and refused ones too. Requests to models, prompts and secrets are not recorded. Times are in UTC.';
  static override examples = [
    { description: 'The latest entries', command: 'rbee audit' },
    { description: 'What one key did', command: 'rbee audit --key ci --limit 500' },
  ];
  static override flags = {
    limit: Flags.integer({ description: 'Number of entries', helpValue: '<number>', default: 50, min: 1, max: 10_000 }),
    key: Flags.string({ description: 'Only of the key with this name or id', helpValue: '<key>' }),
    operation: Flags.string({ description: 'Only of this operation, such as worker_spawn', helpValue: '<operation>' }),
  };

  async run(): Promise<{ entries: readonly AuditEntry[] }> {
    const { flags } = await this.parse(Audit);
    const { limit, key, operation } = flags;
    const list = await this.runJob(await this.queen(flags), 'audit_list', this.only({ limit, key, operation }));
    const isFiltered = (key ?? operation) !== undefined;
    this.print(list.entries, (entries, terminal) => formatAudit(entries, terminal, isFiltered));
    return list;
  }
}
