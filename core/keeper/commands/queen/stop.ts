/** `rbee queen stop` */
import { RbeeCommand } from '../../base.ts';

export default class QueenStop extends RbeeCommand {
  static override isLocal = true;
  static override summary = 'Stop the queen; workers keep running, and the next queen takes them over.';
  static override examples = [
    { description: 'Stop the queen, if it is running', command: 'rbee queen stop' },
    { description: 'Stop everything', command: 'rbee worker delete --all && rbee queen stop' },
  ];

  async run(): Promise<{ stopped: boolean }> {
    await this.parse(QueenStop);
    const { stopQueen } = await import('../../../queen/client/queen-daemon.ts');
    const result = await this.narrated((narrate) => stopQueen({ paths: this.paths, env: this.env, narrate }));
    this.printLine(result.stopped ? 'queen stopped; workers keep running' : 'queen was not running');
    return result;
  }
}
