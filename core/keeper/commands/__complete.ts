/** `rbee __complete -- WORDS`: what the completion of the shells asks. One candidate a line, with a tab before what it is. */
import { RbeeCommand } from '../base.ts';
import { type CommandShape, complete } from '../completion/complete.ts';
import { namesFrom } from '../completion/names.ts';
import { topics } from '../topics.ts';

export default class Complete extends RbeeCommand {
  static override hidden = true;
  static override strict = false;
  static override summary = 'What may come next on a command line; asked by shell completion.';
  static override examples = [
    { description: 'What can be done with workers', command: 'rbee __complete -- worker ""' },
  ];

  async run(): Promise<void> {
    await this.parse(Complete);
    // As they are: the parser takes every `--` out, also one that is being typed.
    const words = this.argv.slice(this.argv.indexOf('--') + 1);
    const tree = {
      commands: this.config.commands as unknown as CommandShape[],
      topics: Object.entries(topics).map(([name, { description }]) => ({ name, description })),
    };
    const found = await complete(words, tree, namesFrom(this.paths));
    this.print(found, (list) => list.map(({ value, about = '' }) => `${value}\t${about}\n`).join(''));
  }
}
