/** `rbee queen stop` */
import { RbeeCommand } from '../../base.ts';

export default class QueenStop extends RbeeCommand {
  static override summary = 'Stop the queen; workers go on, and are hers again when she returns.';
  static override examples = [
    { description: 'Stop her; fine when she does not run', command: 'rbee queen stop' },
    { description: 'Stop everything', command: 'rbee worker delete --all && rbee queen stop' },
  ];

  async run(): Promise<{ stopped: boolean }> {
    await this.parse(QueenStop);
    const { stopQueen } = await import('../../../queen/client/queen-daemon.ts');
    const result = await this.narrated((narrate) => stopQueen({ paths: this.paths, env: this.env, narrate }));
    this.printLine(result.stopped ? 'queen stopped; workers go on' : 'queen was not running');
    return result;
  }
}
