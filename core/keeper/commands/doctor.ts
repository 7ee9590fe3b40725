/** `rbee doctor` */
import { rbeeVersion } from '../../config/version.ts';
import { RbeeError } from '../../contract/errors.ts';
import { escapeControls, paint } from '../../narration/text.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { type Check, fail, ok, runChecks } from '../doctor/check.ts';
import { checkPidFiles, checkPort, checkQueen } from '../doctor/daemons.ts';
import { checkConfig, checkFolders, checkSockets, checkSpace } from '../doctor/files.ts';
import { checkFleet, checkLlamaServer } from '../doctor/fleet.ts';
import { checkNode, checkOpenFiles, checkSystemd } from '../doctor/machine.ts';
import { connectQueen, socketAnswers } from '../queen-access.ts';
import { exitCodes } from '../report.ts';

export default class Doctor extends QueenCommand {
  static override summary = 'Examine this set-up: what is wrong, and how to mend it.';
  static override description =
    'Exit code 1 when a check fails. Starts the queen, to see whether she starts, unless --no-start.';
  static override examples = [
    { description: 'Is everything as it should be?', command: 'rbee doctor' },
    { description: 'For programs, and without starting anything', command: 'rbee doctor --no-start --json' },
  ];

  async run(): Promise<{ healthy: boolean; checks: Check[] }> {
    const { flags } = await this.parse(Doctor);
    const { paths, env } = this;
    const ran = await socketAnswers(paths.queenSocket);
    const here = await runChecks({
      node: () => checkNode(),
      'open files': () => checkOpenFiles(),
      systemd: () => checkSystemd(env),
      folders: () => checkFolders(paths),
      'disk space': () => checkSpace(paths),
      sockets: () => checkSockets(paths),
      'rbee.conf': () => checkConfig(paths),
      'PID file': () => checkPidFiles(paths),
      port: () => (ran ? [] : checkPort(paths)),
      'llama-server': () => checkLlamaServer(env),
    });
    const broken = here.some(({ name, status }) => status === 'fail' && name !== 'port');
    const checks = [...here, ...(await this.#examineQueen(ran, !flags['no-start'] && !broken))];
    const healthy = checks.every(({ status }) => status !== 'fail');
    if (!healthy) process.exitCode = exitCodes.failed;
    this.print(this.#format(checks));
    return { healthy, checks };
  }

  async #examineQueen(ran: boolean, start: boolean): Promise<Check[]> {
    let queen: QueenClient | null = ran ? connectQueen({ socketPath: this.paths.queenSocket }) : null;
    const checks: Check[] = [];
    if (queen === null && start) {
      try {
        queen = await this.queen({});
        checks.push(ok('queen', 'was started for this examination'));
      } catch (thrown) {
        const { message, hint } = thrown instanceof RbeeError ? thrown : this.reportable(thrown);
        return [fail('queen', message, hint)];
      }
    }
    const there = queen;
    const fleet: Parameters<typeof runChecks>[0] = there === null ? {} : { fleet: () => checkFleet(there) };
    return [...checks, ...(await runChecks({ queen: () => checkQueen(this.paths, there, rbeeVersion()), ...fleet }))];
  }

  #format(checks: readonly Check[]): string {
    const { terminal } = this.out;
    const marks = {
      ok: paint('green', terminal.unicode ? '✔' : 'ok  ', terminal),
      warn: paint('yellow', terminal.unicode ? '⚠' : 'warn', terminal),
      fail: paint('red', terminal.unicode ? '✖' : 'FAIL', terminal),
    };
    const width = Math.max(...checks.map(({ name }) => name.length));
    const lines = checks.map(({ name, status, text, hint }) => {
      const try_ =
        hint === undefined || status === 'ok' ? '' : `\n  ${' '.repeat(width)}  try: ${escapeControls(hint)}`;
      return `${marks[status]} ${name.padEnd(width)}  ${escapeControls(text)}${try_}\n`;
    });
    const count = (wanted: Check['status']) => checks.filter(({ status }) => status === wanted).length;
    const sum = `${count('ok')} fine, ${count('warn')} to look at, ${count('fail')} failed\n`;
    return `${lines.join('')}\n${sum}`;
  }
}
