/** `rbee queen start` */
import type { QueenStatus } from '../../../contract/queen-api.ts';
import { RbeeCommand } from '../../base.ts';

export default class QueenStart extends RbeeCommand {
  static override summary = 'Start the queen; fine when she runs already.';
  static override description = 'Most commands do this by themselves.';
  static override examples = [{ description: 'Have her ready', command: 'rbee queen start' }];

  async run(): Promise<QueenStatus> {
    await this.parse(QueenStart);
    const { ensureQueen, queenStatus } = await import('../../../queen/client/queen-daemon.ts');
    const where = { paths: this.paths, env: this.env };
    const { pid, started } = await this.narrated((narrate) => ensureQueen({ ...where, narrate }));
    const status = await queenStatus(where);
    const address = status.url === null ? '' : ` at ${status.url}`;
    this.printLine(
      started ? `queen started (pid ${pid})${address}` : `queen is already running (pid ${pid})${address}`,
    );
    return status;
  }
}
