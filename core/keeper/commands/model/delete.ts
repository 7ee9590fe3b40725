/** `rbee model delete` */
import type { ModelView } from '../../../contract/models.ts';
import { argument } from '../../base.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { formatDeleted } from '../../views/models.ts';

export default class ModelDelete extends ModelCommand {
  static override summary = 'Delete a model that no worker uses.';
  static override description =
    'Files shared with other models stay. Your own files (file:) are kept and no longer listed.';
  static override examples = [
    { description: 'By its reference', command: 'rbee model delete hf:Qwen/Qwen3-0.6B-GGUF' },
    { description: 'By its name, on another machine', command: 'rbee model delete qwen3-0.6b --hive gpu-box' },
  ];
  static override args = { model: argument('Reference or name of the model') };
  static override flags = hiveFlag;

  async run(): Promise<ModelView> {
    const { args, flags } = await this.parse(ModelDelete);
    const model = this.reference(args.model, flags.hive);
    const queen = await this.queen(flags);
    const deleted = await this.runJob(queen, 'model_delete', this.only({ model, hive: flags.hive }));
    this.print(deleted, formatDeleted);
    return deleted;
  }
}
