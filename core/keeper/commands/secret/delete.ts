/** `rbee secret delete` */
import type { SecretView } from '../../../contract/secret-reference.ts';
import { argument, QueenCommand } from '../../base.ts';
import { formatSecretDeleted } from '../../views/secrets.ts';

export default class SecretDelete extends QueenCommand {
  static override summary = 'Delete a secret, and say who used it.';
  static override description =
    'Workers that run keep what they were started with, and their hives keep it for them until they are deleted; they cannot be started again by hand without it.';
  static override examples = [{ description: 'By its name', command: 'rbee secret delete hf-token' }];
  static override args = { secret: argument('Name of the secret') };

  async run(): Promise<SecretView> {
    const { args, flags } = await this.parse(SecretDelete);
    const secret = await this.runJob(await this.queen(flags), 'secret_delete', { name: args.secret });
    this.print(secret, formatSecretDeleted);
    return secret;
  }
}
