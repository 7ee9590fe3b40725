/** `rbee doctor` */
import * as Flags from '@oclif/core/flags';
import { rbeeVersion } from '../../config/version.ts';
import { RbeeError } from '../../contract/errors.ts';
import { labelled } from '../../narration/hint.ts';
import { paint, type Terminal, textWidth } from '../../narration/text.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { type Check, runChecks } from '../doctor/check.ts';
import { checkPidFiles, checkPort, checkQueen } from '../doctor/daemons.ts';
import {
  checkEngines,
  describeRun,
  type EngineSearch,
  findLeftOver,
  type LeftOver,
  removeLeftOver,
} from '../doctor/engines.ts';
import { checkConfig, checkFolders, checkSockets, checkSpace } from '../doctor/files.ts';
import { checkFleet, checkLlamaServer } from '../doctor/fleet.ts';
import { checkNode, checkOpenFiles, checkSystemd } from '../doctor/machine.ts';
import { checkHivesConf, checkMachines } from '../doctor/machines.ts';
import { checkOthers } from '../doctor/ownership.ts';
import { sshInput } from '../machines/flags.ts';
import { connectQueen, socketAnswers } from '../queen-access.ts';
import { confirm } from '../terminal/confirm.ts';
import { exitCodes } from '../terminal/report.ts';
import { counted } from '../views/counted.ts';

export default class Doctor extends QueenCommand {
  static override isLocal = true;
  static override summary = 'Check this installation: what is wrong, and how to fix it.';
  static override description =
    'Starts nothing, and changes nothing without --fix. If the queen is not running, checks that need it are left out, such as those of other machines. Exit code 1 if a check fails.';
  static override flags = {
    fix: Flags.boolean({ description: 'Stop engines that no worker owns, and remove unreadable run records' }),
    yes: Flags.boolean({ char: 'y', description: 'Do not ask for confirmation' }),
  };
  static override examples = [
    { description: 'Check everything', command: 'rbee doctor' },
    { description: 'The same for programs', command: 'rbee doctor --json' },
    { description: 'Stop engines that no worker owns', command: 'rbee doctor --fix' },
  ];

  /** Accepted for scripts; the doctor never starts anything. */
  static override baseFlags = { 'no-start': Flags.boolean({ hidden: true }) } as typeof QueenCommand.baseFlags;

  async run(): Promise<{ healthy: boolean; checks: Check[]; fixed?: LeftOver }> {
    const { flags } = await this.parse(Doctor);
    const { paths, env } = this;
    if (flags.fix && !flags.yes && !process.stdin.isTTY) {
      const problem = 'this stops processes, and there is no terminal to ask for confirmation; add --yes';
      throw RbeeError.of('USAGE', { problem, help: 'rbee doctor --help' });
    }
    // An untrusted socket is reported as a failed check.
    const ran = await socketAnswers(paths.queenSocket).catch(() => false);
    const queen = ran ? connectQueen({ socketPath: paths.queenSocket }) : null;
    const fixed = flags.fix ? { fixed: await this.#fix({ paths, queen }, flags.yes) } : {};
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
      engines: () => checkEngines({ paths, queen }),
      port: () => (ran ? [] : checkPort(paths)),
      'llama-server': () => checkLlamaServer(env),
    });
    const checks = [...here, ...(await this.#examineQueen(queen))];
    const healthy = checks.every(({ status }) => status !== 'fail');
    if (!healthy) process.exitCode = exitCodes.failed;
    this.print(checks, formatDoctor);
    return { healthy, checks, ...fixed };
  }

  /** Lists what to stop and remove, asks, and does it. The checks afterwards show what is left. */
  async #fix(search: EngineSearch, yes: boolean): Promise<LeftOver> {
    const left = await findLeftOver(search);
    if (left.runs.length + left.unreadable.length === 0) return left;
    if (!yes) {
      this.err.show(left, formatLeftOver);
      if (!(await confirm('Stop these processes and remove these files?'))) {
        throw RbeeError.of('CANCELLED', { what: 'the repair' });
      }
    }
    return this.narrated((narrate) => removeLeftOver(search, left, narrate));
  }

  async #examineQueen(queen: QueenClient | null): Promise<Check[]> {
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

const formatLeftOver = ({ runs, unreadable }: LeftOver): string =>
  [
    ...runs.map((run) => `${describeRun(run, Date.now())}\n`),
    ...unreadable.map(({ file }) => `${file} cannot be read\n`),
  ].join('');

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
  const sum = `${count('ok')} passed, ${counted(count('warn'), 'warning')}, ${count('fail')} failed\n`;
  return `${lines.join('')}\n${sum}`;
};
