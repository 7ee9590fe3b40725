/** `rbee model list` */
import * as Flags from '@oclif/core/flags';
import type { ModelView } from '../../../contract/models.ts';
import { ModelCommand } from '../../model-command.ts';
import { formatModels } from '../../views/models.ts';

export default class ModelList extends ModelCommand {
  static override summary = 'List the models on hives.';
  static override examples = [
    { description: 'Models of all hives', command: 'rbee model list' },
    { description: 'Models of one hive, for programs', command: 'rbee model list --hive local --json' },
  ];
  static override flags = { hive: Flags.string({ char: 'H', description: 'Only the models of this hive' }) };

  async run(): Promise<{ models: readonly ModelView[] }> {
    const { flags } = await this.parse(ModelList);
    const list = await this.runJob(await this.queen(flags), 'model_list', this.only({ hive: flags.hive }));
    this.print(list.models, formatModels);
    return list;
  }
}
