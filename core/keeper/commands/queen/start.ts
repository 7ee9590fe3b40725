/** `rbee queen start` */
import type { QueenStatus } from '../../../contract/api/queen-api.ts';
import { RbeeCommand } from '../../base.ts';

export default class QueenStart extends RbeeCommand {
  static override isLocal = true;
  static override summary = 'Start the queen, if it is not running yet.';
  static override description = 'Most commands start it automatically.';
  static override examples = [{ description: 'Start the queen', command: 'rbee queen start' }];

  async run(): Promise<QueenStatus> {
    await this.parse(QueenStart);
    const { ensureQueen, queenStatus } = await import('../../../queen/client/queen-daemon.ts');
    const where = { paths: this.paths, env: this.env };
    const { pid, started } = await this.narrated((narrate) => ensureQueen({ ...where, narrate }));
    const status = await queenStatus(where);
    const address = status.url === null ? '' : ` at ${(status.urls ?? [status.url]).join(' and ')}`;
    this.printLine(
      started ? `queen started (pid ${pid})${address}` : `queen is already running (pid ${pid})${address}`,
    );
    return status;
  }
}
