/** `rbee queen status` */
import type { FleetStatus, QueenStatus } from '../../../contract/api/queen-api.ts';
import { RbeeCommand } from '../../base.ts';
import { connectQueen, socketAnswers } from '../../queen-access.ts';
import { formatQueen } from '../../views/fleet.ts';

export default class QueenStatusCommand extends RbeeCommand {
  static override summary = 'Show whether the queen is running. Starts nothing.';
  static override examples = [
    { description: 'Is the queen running?', command: 'rbee queen status' },
    { description: 'Status, pid and address for programs', command: 'rbee queen status --json' },
  ];

  async run(): Promise<QueenStatus> {
    await this.parse(QueenStatusCommand);
    const status = (await this.#asked()) ?? (await this.#examined());
    this.print(status, formatQueen);
    return status;
  }

  /** The queen's own answer, which is the fast path; undefined if it does not answer. */
  async #asked(): Promise<QueenStatus | undefined> {
    const { queenSocket } = this.paths;
    if (this.env['RBEE_QUEEN']) return this.#elsewhere();
    if (!(await socketAnswers(queenSocket))) return undefined;
    try {
      const { queen } = await connectQueen({ socketPath: queenSocket }).get<FleetStatus>('/v1/status', {
        timeoutMs: 5_000,
      });
      const { pid, url, urls, version, startedAt } = queen;
      return { status: 'running', pid, url, ...(urls && { urls }), version, startedAt, reason: null };
    } catch {
      return undefined;
    }
  }

  async #elsewhere(): Promise<QueenStatus> {
    const { queenAddress } = await import('../../queen-address.ts');
    const { queen } = await connectQueen(await queenAddress(this.env, this.paths)).get<FleetStatus>('/v1/status');
    const { pid, url, urls, version, startedAt } = queen;
    return { status: 'running', pid, url, ...(urls && { urls }), version, startedAt, reason: null };
  }

  async #examined(): Promise<QueenStatus> {
    const { queenStatus } = await import('../../../queen/client/queen-daemon.ts');
    return queenStatus({ paths: this.paths, env: this.env });
  }
}
