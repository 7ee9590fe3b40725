/** `rbee completion` */
import * as Args from '@oclif/core/args';
import { RbeeCommand } from '../base.ts';
import { completionScripts, type Shell, shells } from '../completion/scripts.ts';

export default class Completion extends RbeeCommand {
  static override summary =
    'Print a completion script for your shell: it completes commands, flags, workers, hives, jobs and models.';
  static override examples = [
    { description: 'bash, in ~/.bashrc', command: 'source <(rbee completion bash)' },
    { description: 'zsh, in ~/.zshrc', command: 'source <(rbee completion zsh)' },
    { description: 'fish', command: 'rbee completion fish > ~/.config/fish/completions/rbee.fish' },
  ];
  static override args = {
    shell: Args.string({ description: 'Which shell', options: [...shells], required: true, ignoreStdin: true }),
  };

  async run(): Promise<{ shell: string; script: string }> {
    const { args } = await this.parse(Completion);
    const script = completionScripts[args.shell as Shell];
    this.printText(script);
    return { shell: args.shell, script };
  }
}
