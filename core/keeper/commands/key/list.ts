/** `rbee key list` */
import type { KeyView } from '../../../contract/api/access.ts';
import { QueenCommand } from '../../base.ts';
import { formatKeys } from '../../views/keys.ts';

export default class KeyList extends QueenCommand {
  static override summary = 'List keys: their scopes, limits and state.';
  static override description = 'The keys themselves cannot be shown again.';
  static override examples = [{ description: 'All keys', command: 'rbee key list' }];

  async run(): Promise<{ keys: readonly KeyView[] }> {
    const { flags } = await this.parse(KeyList);
    const list = await this.runJob(await this.queen(flags), 'key_list', {});
    this.print(list.keys, formatKeys);
    return list;
  }
}
