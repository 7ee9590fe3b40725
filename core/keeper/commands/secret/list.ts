/** `rbee secret list` */
import type { SecretView } from '../../../contract/secret-reference.ts';
import { QueenCommand } from '../../base.ts';
import { formatSecrets } from '../../views/secrets.ts';

export default class SecretList extends QueenCommand {
  static override summary = 'List the names of the stored secrets, and what uses them.';
  static override description = 'Values are never shown.';
  static override examples = [{ description: 'All secrets', command: 'rbee secret list' }];

  async run(): Promise<{ secrets: readonly SecretView[] }> {
    const { flags } = await this.parse(SecretList);
    const list = await this.runJob(await this.queen(flags), 'secret_list', {});
    this.print(list.secrets, formatSecrets);
    return list;
  }
}
