/** `rbee model download` */
import * as Flags from '@oclif/core/flags';
import type { ModelDetails } from '../../../contract/models.ts';
import { argument } from '../../base.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { parseOptions } from '../../spawn-input.ts';
import { formatDownloaded } from '../../views/models.ts';
import { detachFlag } from '../../worker-change.ts';

export default class ModelDownload extends ModelCommand {
  static override summary = 'Download a model to a hive, or its missing files.';
  static override description =
    'Resumes an earlier download, and verifies the files. If a repository has the same weights in several versions, one is chosen and named.';
  static override examples = [
    {
      description: 'A repository of the Hugging Face hub, in a commonly used quantization',
      command: 'rbee model download hf:Qwen/Qwen3-0.6B-GGUF',
    },
    {
      description: 'A specific quantization and revision',
      command: 'rbee model download hf:Qwen/Qwen3-0.6B-GGUF:Q8_0@main',
    },
    {
      description: 'The files that a worker type needs',
      command: 'rbee model download hf:Qwen/Qwen3-0.6B --type vllm --hive gpu-box',
    },
    {
      description: 'Any file; #sha256=… after the address verifies it',
      command: 'rbee model download https://example.com/model.gguf',
    },
    { description: 'Add your own file to the list', command: 'rbee model download file:/models/qwen.gguf' },
  ];
  static override args = { model: argument('hf:org/repo[:file-or-quantization][@revision], https://…, file:/path') };
  static override flags = {
    type: Flags.string({
      char: 't',
      description: 'Worker type that will load the model; it chooses the files',
      helpValue: '<type>',
    }),
    component: Flags.string({ description: 'Component of a model of that type, such as vae', helpValue: '<name>' }),
    option: Flags.string({
      char: 'o',
      multiple: true,
      multipleNonGreedy: true,
      description: 'Options of that type that affect which files it needs',
      helpValue: '<key=value>',
    }),
    update: Flags.boolean({ description: 'Check for a newer revision of a downloaded model' }),
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
