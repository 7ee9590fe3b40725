/** `rbee model verify` */
import * as Args from '@oclif/core/args';
import type { ModelResults } from '../../../contract/models.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { exitCodes } from '../../report.ts';
import { formatVerified } from '../../views/models.ts';

export default class ModelVerify extends ModelCommand {
  static override summary = 'Read the files of models again and compare their checksums.';
  static override description =
    'Damaged files are removed; the next download brings them again. Exit code 1 when something is wrong.';
  static override examples = [
    { description: 'All models of this machine', command: 'rbee model verify' },
    { description: 'One of them', command: 'rbee model verify hf:Qwen/Qwen3-0.6B-GGUF' },
  ];
  static override args = {
    model: Args.string({ description: 'Reference or name; all when absent', ignoreStdin: true }),
  };
  static override flags = hiveFlag;

  async run(): Promise<ModelResults['verify']> {
    const { args, flags } = await this.parse(ModelVerify);
    const model = args.model === undefined ? undefined : this.reference(args.model, flags.hive);
    const queen = await this.queen(flags);
    const result = await this.runJob(queen, 'model_verify', this.only({ model, hive: flags.hive }));
    this.print(result.models, formatVerified);
    if (result.models.some(({ problems }) => problems.length > 0)) process.exitCode = exitCodes.failed;
    return result;
  }
}
