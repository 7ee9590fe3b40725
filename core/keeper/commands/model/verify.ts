/** `rbee model verify` */
import * as Args from '@oclif/core/args';
import type { ModelResults } from '../../../contract/models.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { exitCodes } from '../../terminal/report.ts';
import { formatVerified } from '../../views/models.ts';

export default class ModelVerify extends ModelCommand {
  static override summary = 'Verify the checksums of model files.';
  static override description =
    'Removes damaged files; the next download fetches them again. Exit code 1 if a file is damaged.';
  static override examples = [
    { description: 'All models of this machine', command: 'rbee model verify' },
    { description: 'One model', command: 'rbee model verify hf:Qwen/Qwen3-0.6B-GGUF' },
  ];
  static override args = {
    model: Args.string({ description: 'Reference or name [default: all models]', ignoreStdin: true }),
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
