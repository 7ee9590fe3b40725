/** `rbee secret delete` */
import type { SecretView } from '../../../contract/secret-reference.ts';
import { argument, QueenCommand } from '../../base.ts';
import { formatSecretDeleted } from '../../views/secrets.ts';

export default class SecretDelete extends QueenCommand {
  static override summary = 'Delete a secret, and show what still uses it.';
  static override description =
    'Running workers keep the value, and their hives store it until the workers are deleted. Without the secret, you cannot start such a worker again.';
  static override examples = [{ description: 'By its name', command: 'rbee secret delete hf-token' }];
  static override args = { secret: argument('Name of the secret') };

  async run(): Promise<SecretView> {
    const { args, flags } = await this.parse(SecretDelete);
    const secret = await this.runJob(await this.queen(flags), 'secret_delete', { name: args.secret });
    this.print(secret, formatSecretDeleted);
    return secret;
  }
}
