/** `rbee model get` */
import type { ModelDetails } from '../../../contract/models.ts';
import { argument } from '../../base.ts';
import { hiveFlag, ModelCommand } from '../../model-command.ts';
import { formatModel } from '../../views/models.ts';

export default class ModelGet extends ModelCommand {
  static override summary = 'Show everything about one model.';
  static override examples = [
    { description: 'By its reference', command: 'rbee model get hf:Qwen/Qwen3-0.6B-GGUF' },
    { description: 'By its served name, for programs', command: 'rbee model get qwen3-0.6b --json' },
  ];
  static override args = { model: argument('Reference or name of the model') };
  static override flags = hiveFlag;

  async run(): Promise<ModelDetails> {
    const { args, flags } = await this.parse(ModelGet);
    const { hive = 'local' } = flags;
    const model = this.reference(args.model, hive);
    const path = `/v1/hives/${encodeURIComponent(hive)}/models?model=${encodeURIComponent(model)}`;
    const details = await (await this.queen(flags)).get<ModelDetails>(path);
    this.print(details, formatModel);
    return details;
  }
}
