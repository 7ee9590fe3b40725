/** `rbee queen restart` */
import type { QueenStatus } from '../../../contract/queen-api.ts';
import { RbeeCommand } from '../../base.ts';

export default class QueenRestart extends RbeeCommand {
  static override summary = 'Stop the queen and start her again; she reads rbee.conf anew.';
  static override description = 'Workers go on meanwhile. Streams that run through the queen end.';
  static override examples = [
    { description: 'After a change of rbee.conf, or an update', command: 'rbee queen restart' },
  ];

  async run(): Promise<QueenStatus> {
    await this.parse(QueenRestart);
    const { ensureQueen, queenStatus, stopQueen } = await import('../../../queen/client/queen-daemon.ts');
    const { loadRbeeConf } = await import('../../../config/rbee-conf.ts');
    // A queen that runs is not given up for a file that cannot be read.
    loadRbeeConf(this.paths);
    const where = { paths: this.paths, env: this.env };
    await this.narrated(async (narrate) => {
      await stopQueen({ ...where, narrate });
      await ensureQueen({ ...where, narrate });
    });
    const status = await queenStatus(where);
    this.printLine(`queen restarted (pid ${status.pid ?? '-'})${status.url === null ? '' : ` at ${status.url}`}`);
    return status;
  }
}
