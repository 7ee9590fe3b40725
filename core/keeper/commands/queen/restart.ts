/** `rbee queen restart` */
import type { QueenStatus } from '../../../contract/queen-api.ts';
import { RbeeCommand } from '../../base.ts';

export default class QueenRestart extends RbeeCommand {
  static override summary = 'Stop the queen and start it again; it reads rbee.conf again.';
  static override description =
    'Workers keep running. Streams that run through the queen end. A configuration that cannot start is refused first.';
  static override examples = [
    { description: 'After a change of rbee.conf, or an update', command: 'rbee queen restart' },
  ];

  async run(): Promise<QueenStatus> {
    await this.parse(QueenRestart);
    const { queenStatus, restartQueen } = await import('../../../queen/client/queen-daemon.ts');
    const where = { paths: this.paths, env: this.env };
    await this.narrated((narrate) => restartQueen({ ...where, narrate }));
    const status = await queenStatus(where);
    this.printLine(`queen restarted (pid ${status.pid ?? '-'})${status.url === null ? '' : ` at ${status.url}`}`);
    return status;
  }
}
