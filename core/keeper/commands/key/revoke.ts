/** `rbee key revoke` */
import type { KeyView } from '../../../contract/api/access.ts';
import { argument, QueenCommand } from '../../base.ts';

export default class KeyRevoke extends QueenCommand {
  static override summary = 'Revoke a key at once.';
  static override description = 'Requests in progress with it are cut off. A revoked key cannot be made valid again.';
  static override examples = [{ description: 'By its name', command: 'rbee key revoke chat-app' }];
  static override args = { key: argument('Name or id of the key') };

  async run(): Promise<KeyView> {
    const { args, flags } = await this.parse(KeyRevoke);
    const key = await this.runJob(await this.queen(flags), 'key_revoke', { key: args.key });
    this.printLine(`revoked key ${key.name} (${key.id})`);
    return key;
  }
}
