/** `rbee model download` */
import * as Flags from '@oclif/core/flags';
import type { ModelDetails } from '../../../contract/models.ts';
import { argument } from '../../base.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { parseOptions } from '../../spawn-input.ts';
import { formatDownloaded } from '../../views/models.ts';
import { detachFlag } from '../../worker-change.ts';

export default class ModelDownload extends ModelCommand {
  static override summary = 'Bring a model to a hive, or what is missing of it.';
  static override description =
    'It goes on where an earlier download stopped, and is checked. Of several versions of the same weights one is taken, and said.';
  static override examples = [
    {
      description: 'A repository of the Hugging Face hub: a quantization that suits most',
      command: 'rbee model download hf:Qwen/Qwen3-0.6B-GGUF',
    },
    {
      description: 'A quantization, at a revision',
      command: 'rbee model download hf:Qwen/Qwen3-0.6B-GGUF:Q8_0@main',
    },
    {
      description: 'The files that a worker type wants',
      command: 'rbee model download hf:Qwen/Qwen3-0.6B --type vllm --hive gpu-box',
    },
    {
      description: 'Any file, checked against its SHA-256 where that is given',
      command: 'rbee model download https://example.com/model.gguf',
    },
    { description: 'A file of your own, so that it is listed', command: 'rbee model download file:/models/qwen.gguf' },
  ];
  static override args = { model: argument('hf:org/repo[:file-or-quantization][@revision], https://…, file:/path') };
  static override flags = {
    type: Flags.string({ char: 't', description: 'Worker type that will load it, and chooses its files' }),
    component: Flags.string({ description: 'It is this component of a model of that type, such as vae' }),
    option: Flags.string({
      char: 'o',
      multiple: true,
      multipleNonGreedy: true,
      description: 'Options of that type, where they change the choice',
      helpValue: '<key=value>',
    }),
    update: Flags.boolean({ description: 'Ask whether there is a newer revision of what is here' }),
    ...hiveFlag,
    ...detachFlag,
  };

  async run(): Promise<ModelDetails | { job_id: string }> {
    const { args, flags } = await this.parse(ModelDownload);
    const { type, component, option, update, hive } = flags;
    const options = option === undefined ? undefined : parseOptions(option, 'rbee model download --help');
    const model = this.reference(args.model, hive);
    const input = this.only({ model, type, component, options, update, hive });
    const queen = await this.queen(flags);
    if (flags.detach) return this.detachJob(queen, 'model_download', input);
    const details = await this.runJob(queen, 'model_download', input);
    this.print(details, formatDownloaded);
    return details;
  }
}
