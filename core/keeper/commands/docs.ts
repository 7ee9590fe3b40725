/** `rbee docs` */
import * as Args from '@oclif/core/args';
import { type ExampleName, examples, readExample } from '../../config/examples.ts';
import { RbeeCommand } from '../base.ts';

export default class Docs extends RbeeCommand {
  static override summary = 'Print a commented example of a configuration file with all its settings.';
  static override examples = [
    { description: 'Everything hives.conf can contain', command: 'rbee docs hives' },
    { description: 'Create an rbee.conf with all defaults', command: 'rbee docs rbee > ~/.config/rbee/rbee.conf' },
  ];
  static override args = {
    file: Args.string({
      description: 'hives (hives.conf) or rbee (rbee.conf)',
      options: Object.keys(examples),
      required: true,
      ignoreStdin: true,
    }),
  };

  async run(): Promise<{ file: string; text: string }> {
    const { args } = await this.parse(Docs);
    const name = args.file as ExampleName;
    const text = readExample(name);
    this.printText(text);
    return { file: examples[name], text };
  }
}
