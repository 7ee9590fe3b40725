/** `rbee __complete -- WORDS`: called by shell completion. Prints one candidate per line, followed by a tab and its description. */
import { RbeeCommand } from '../base.ts';
import { type CommandShape, complete } from '../completion/complete.ts';
import { namesFrom } from '../completion/names.ts';
import { topics } from '../topics.ts';

export default class Complete extends RbeeCommand {
  static override hidden = true;
  static override strict = false;
  static override summary = 'List possible next words of a command line; used by shell completion.';
  static override examples = [{ description: 'The commands for workers', command: 'rbee __complete -- worker ""' }];

  async run(): Promise<void> {
    await this.parse(Complete);
    // The raw words: the parser drops every `--`, even one that is being typed.
    const words = this.argv.slice(this.argv.indexOf('--') + 1);
    const tree = {
      commands: this.config.commands as unknown as CommandShape[],
      topics: Object.entries(topics).map(([name, { description }]) => ({ name, description })),
    };
    const found = await complete(words, tree, namesFrom(this.paths, this.env));
    this.print(found, (list) => list.map(({ value, about = '' }) => `${value}\t${about}\n`).join(''));
  }
}
