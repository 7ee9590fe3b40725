/** `rbee doctor` */
import * as Flags from '@oclif/core/flags';
import { rbeeVersion } from '../../config/version.ts';
import { labelled } from '../../narration/hint.ts';
import { paint, type Terminal, textWidth } from '../../narration/text.ts';
import { QueenCommand } from '../base.ts';
import { type Check, runChecks } from '../doctor/check.ts';
import { checkPidFiles, checkPort, checkQueen } from '../doctor/daemons.ts';
import { checkConfig, checkFolders, checkSockets, checkSpace } from '../doctor/files.ts';
import { checkFleet, checkLlamaServer } from '../doctor/fleet.ts';
import { checkNode, checkOpenFiles, checkSystemd } from '../doctor/machine.ts';
import { checkHivesConf, checkMachines } from '../doctor/machines.ts';
import { checkOthers } from '../doctor/ownership.ts';
import { sshInput } from '../machines/flags.ts';
import { connectQueen, socketAnswers } from '../queen-access.ts';
import { exitCodes } from '../report.ts';

export default class Doctor extends QueenCommand {
  static override summary = 'Examine this set-up: what is wrong, and how to mend it.';
  static override description =
    'Exit code 1 when a check fails. Starts and changes nothing; what only a running queen can tell, and the way to other machines, is left out without one.';
  static override examples = [
    { description: 'Is everything as it should be?', command: 'rbee doctor' },
    { description: 'The same for programs', command: 'rbee doctor --json' },
  ];

  /** Nothing is started anyway; scripts may say so. */
  static override baseFlags = { 'no-start': Flags.boolean({ hidden: true }) } as typeof QueenCommand.baseFlags;

  async run(): Promise<{ healthy: boolean; checks: Check[] }> {
    await this.parse(Doctor);
    const { paths, env } = this;
    // A socket that is not trusted is a finding of the examination.
    const ran = await socketAnswers(paths.queenSocket).catch(() => false);
    const here = await runChecks({
      node: () => checkNode(),
      'open files': () => checkOpenFiles(),
      systemd: () => checkSystemd(env),
      folders: () => checkFolders(paths),
      'other users': () => checkOthers(paths),
      'disk space': () => checkSpace(paths),
      sockets: () => checkSockets(paths),
      'rbee.conf': () => checkConfig(paths),
      'hives.conf': () => checkHivesConf(paths),
      'PID file': () => checkPidFiles(paths),
      port: () => (ran ? [] : checkPort(paths)),
      'llama-server': () => checkLlamaServer(env),
    });
    const checks = [...here, ...(await this.#examineQueen(ran))];
    const healthy = checks.every(({ status }) => status !== 'fail');
    if (!healthy) process.exitCode = exitCodes.failed;
    this.print(checks, formatDoctor);
    return { healthy, checks };
  }

  async #examineQueen(ran: boolean): Promise<Check[]> {
    const queen = ran ? connectQueen({ socketPath: this.paths.queenSocket }) : null;
    const { paths } = this;
    const { agent } = sshInput({}, this.env);
    const ours = rbeeVersion();
    const fleet: Parameters<typeof runChecks>[0] =
      queen === null
        ? {}
        : { fleet: () => checkFleet(queen), machines: () => checkMachines({ queen, paths, agent, ours }) };
    return runChecks({ queen: () => checkQueen(paths, queen, ours), ...fleet });
  }
}

const formatDoctor = (checks: readonly Check[], terminal: Terminal): string => {
  const marks = {
    ok: paint('green', terminal.unicode ? '✔' : 'ok  ', terminal),
    warn: paint('yellow', terminal.unicode ? '⚠' : 'warn', terminal),
    fail: paint('red', terminal.unicode ? '✖' : 'FAIL', terminal),
  };
  const width = Math.max(...checks.map(({ name }) => textWidth(name)));
  const lines = checks.map(({ name, status, text, hint }) => {
    const advice = hint === undefined || status === 'ok' ? '' : `\n  ${' '.repeat(width)}  ${labelled(hint)}`;
    return `${marks[status]} ${name}${' '.repeat(width - textWidth(name))}  ${text}${advice}\n`;
  });
  const count = (wanted: Check['status']) => checks.filter(({ status }) => status === wanted).length;
  const sum = `${count('ok')} fine, ${count('warn')} to look at, ${count('fail')} failed\n`;
  return `${lines.join('')}\n${sum}`;
};
