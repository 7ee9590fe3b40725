/** `rbee key create` */
import * as Flags from '@oclif/core/flags';
import type { KeyView } from '../../../contract/api/access.ts';
import { argument, QueenCommand } from '../../base.ts';
import { checkKeyName, newKey, newKeyId, parseExpiry } from '../../new-key.ts';
import { programUrl } from '../../queen-address.ts';
import { howToUse } from '../../views/keys.ts';

export default class KeyCreate extends QueenCommand {
  static override summary = 'Create a key for programs that use the fleet over the network.';
  static override description =
    'Prints the key once; rbee keeps only its hash. Programs that connect over loopback need no key for inference. Scope infer sends requests to models; operate also shows the fleet, and starts and stops workers of installed types with known models; admin may do everything.';
  static override examples = [
    { description: 'For an application', command: 'rbee key create chat-app' },
    { description: 'For a script that steers the fleet', command: 'rbee key create ci --scope operate --expires 90d' },
    {
      description: 'With limits, for one model',
      command: 'rbee key create guest --model llama-3.1-8b --requests-per-minute 20 --tokens-per-minute 20000',
    },
  ];
  static override args = { name: argument('Name of the key: letters, digits and . _ @ -') };
  static override flags = {
    scope: Flags.string({
      description: 'What it may do',
      options: ['infer', 'operate', 'admin'],
      default: 'infer',
    }),
    model: Flags.string({
      description: 'Only this model; can be repeated',
      helpValue: '<model>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    hive: Flags.string({
      char: 'H',
      description: 'Only this hive; can be repeated',
      helpValue: '<alias>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'requests-per-minute': Flags.integer({
      description: 'Limit of requests per minute',
      helpValue: '<number>',
      min: 1,
    }),
    'tokens-per-minute': Flags.integer({
      description: 'Limit of tokens per minute, of prompts and answers',
      helpValue: '<number>',
      min: 1,
    }),
    'max-concurrent': Flags.integer({
      description: 'Limit of requests at the same time',
      helpValue: '<number>',
      min: 1,
    }),
    expires: Flags.string({ description: 'When it ends: 30d, 12h or 2027-01-31', helpValue: '<time>' }),
  };

  async run(): Promise<KeyView & { key: string }> {
    const { args, flags } = await this.parse(KeyCreate);
    checkKeyName(args.name);
    const id = newKeyId();
    const { key, hash } = newKey(id);
    const settings = this.only({
      models: flags.model,
      hives: flags.hive,
      requestsPerMinute: flags['requests-per-minute'],
      tokensPerMinute: flags['tokens-per-minute'],
      maxConcurrent: flags['max-concurrent'],
      expiresAt: flags.expires === undefined ? undefined : parseExpiry(flags.expires, 'rbee key create --help'),
    });
    const queen = await this.queen(flags);
    const scope = flags.scope as KeyView['scope'];
    const created = await this.runJob(queen, 'key_create', { id, hash, name: args.name, scope, ...settings });
    this.printLine(key);
    if (!this.jsonEnabled()) for (const line of howToUse(await programUrl(queen))) this.err.line(line);
    return { ...created, key };
  }
}
