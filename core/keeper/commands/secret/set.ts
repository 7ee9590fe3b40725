/** `rbee secret set` */
import { minSecretLength, type SecretView } from '../../../contract/secret-reference.ts';
import { argument, QueenCommand } from '../../base.ts';
import { typedSecret } from '../../terminal/typed-secret.ts';
import { formatSecretSet } from '../../views/secrets.ts';

export default class SecretSet extends QueenCommand {
  static override summary = 'Store a secret, such as a token, for workers to use by name.';
  static override description =
    `Asks for the value without showing it, or reads it from stdin. The value is one line of at least ${minSecretLength} characters. Never give it as an argument: your shell would keep it in its history. It is stored unencrypted in a file that only your user can read. A running worker uses a new value from its next start.`;
  static override examples = [
    { description: 'Type the value; it is not shown', command: 'rbee secret set comfy-key' },
    { description: 'From a file or another program', command: 'cat key.txt | rbee secret set comfy-key' },
    {
      description: 'Use it',
      command: 'rbee worker spawn --type comfyui --option comfy_org_key=secret:comfy-key',
    },
  ];
  static override args = { secret: argument('Name of the secret: letters, digits, _ and -') };

  async run(): Promise<SecretView> {
    const { args, flags } = await this.parse(SecretSet);
    const value = await typedSecret(args.secret, (question) => this.err.line(question));
    const queen = await this.queen(flags);
    const secret = await this.runJob(queen, 'secret_set', { name: args.secret, value });
    this.print(secret, formatSecretSet);
    return secret;
  }
}
