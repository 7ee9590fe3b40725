/** `rbee queen restart` */
import type { QueenStatus } from '../../../contract/api/queen-api.ts';
import { RbeeCommand } from '../../base.ts';

export default class QueenRestart extends RbeeCommand {
  static override isLocal = true;
  static override summary = 'Restart the queen; it rereads rbee.conf.';
  static override description =
    'Workers keep running. Requests that stream through the queen are cut off. An invalid configuration is refused before anything is stopped.';
  static override examples = [
    { description: 'After changing rbee.conf or updating rbee', command: 'rbee queen restart' },
  ];

  async run(): Promise<QueenStatus> {
    await this.parse(QueenRestart);
    const { queenStatus, restartQueen } = await import('../../../queen/client/queen-daemon.ts');
    const where = { paths: this.paths, env: this.env };
    await this.narrated((narrate) => restartQueen({ ...where, narrate }));
    const status = await queenStatus(where);
    this.printLine(
      `queen restarted (pid ${status.pid ?? '-'})${status.url === null ? '' : ` at ${(status.urls ?? [status.url]).join(' and ')}`}`,
    );
    return status;
  }
}
