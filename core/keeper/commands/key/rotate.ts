/** `rbee key rotate` */
import * as Flags from '@oclif/core/flags';
import type { KeyView } from '../../../contract/api/access.ts';
import { RbeeError } from '../../../contract/errors.ts';
import { argument, QueenCommand } from '../../base.ts';
import { newKey, parseSeconds } from '../../new-key.ts';
import { programUrl } from '../../queen-address.ts';
import { howToUse } from '../../views/keys.ts';

export default class KeyRotate extends QueenCommand {
  static override summary = 'Give a key a new secret; its settings stay.';
  static override description = 'Prints the new key once. The old one ends at once, or after the time of --grace.';
  static override examples = [
    { description: 'Replace a key that became known', command: 'rbee key rotate chat-app' },
    { description: 'Leave an hour to change it everywhere', command: 'rbee key rotate chat-app --grace 1h' },
  ];
  static override args = { key: argument('Name or id of the key') };
  static override flags = {
    grace: Flags.string({ description: 'How long the old key stays valid: 30m, 1h, 7d', helpValue: '<time>' }),
  };

  async run(): Promise<KeyView & { key: string }> {
    const { args, flags } = await this.parse(KeyRotate);
    const help = 'rbee key rotate --help';
    const graceSeconds = flags.grace === undefined ? 0 : parseSeconds(flags.grace, { flag: '--grace', help });
    const queen = await this.queen(flags);
    const { keys } = await this.runJob(queen, 'key_list', {});
    const found =
      keys.find(({ name, state }) => name === args.key && state !== 'revoked') ??
      keys.find(({ id }) => id === args.key);
    // The queen throws the error with the nearest names.
    const { key, hash } = newKey(found?.id ?? '00000000');
    const rotated = await this.runJob(queen, 'key_rotate', { key: found?.id ?? args.key, hash, graceSeconds });
    if (!found) throw RbeeError.of('KEY_NOT_FOUND', { key: args.key, near: '', known: 'rbee key list' });
    this.printLine(key);
    if (!this.jsonEnabled()) {
      for (const line of howToUse(await programUrl(queen))) this.err.line(line);
      this.err.line(
        flags.grace === undefined ? 'The old key no longer works.' : `The old key stays valid for ${flags.grace}.`,
      );
    }
    return { ...rotated, key };
  }
}
