/** systemd user units for queen and hive: started at login or boot. Stopping one never stops its workers. */
import { join } from 'node:path';
import { printedLines } from '../../boundary/printed-lines.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { cleanEnvironment } from '../system/environment.ts';
import type { Runner, RunResult } from '../system/runner.ts';

export interface UnitSpec {
  /** `queen`, `hive`: the unit is `rbee-<name>.service`. */
  name: string;
  /** Absolute path of the program, and its arguments. */
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  logFile: string;
  /** Milliseconds that the daemon gets to exit. */
  stopGraceMs: number;
}

export const unitName = (name: string): string => `rbee-${name}.service`;

/** The text of a unit file. */
export const unitText = (spec: UnitSpec): string =>
  `[Unit]
Description=rbee ${spec.name}
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
ExecStart=${spec.argv.map(quoteArgument).join(' ')}
WorkingDirectory=${escapePercent(spec.cwd)}
${Object.entries(spec.env)
  .map(([name, value]) => `Environment=${quote(`${name}=${value}`)}\n`)
  .join('')}StandardOutput=append:${escapePercent(spec.logFile)}
StandardError=inherit
UMask=0077
Restart=on-failure
RestartSec=1
TimeoutStopSec=${Math.ceil(spec.stopGraceMs / 1000)}
# Workers outlive the daemon that started them: it alone is stopped, and one worker out of memory takes no other along.
KillMode=process
OOMPolicy=continue

[Install]
WantedBy=default.target
`;

export interface SystemdOptions {
  runner: Runner;
  env: NodeJS.ProcessEnv;
  /** Folder of the user's unit files. */
  folder: string;
  narrate?: Narrate;
}

/** Writes and enables units of the user's systemd. Every method throws SYSTEMD_UNAVAILABLE where there is none. */
export class SystemdUnits {
  readonly #options: SystemdOptions;

  constructor(options: SystemdOptions) {
    this.#options = options;
  }

  /** Writes the unit, enables it, and lets it run without a login session. Does not start it. */
  async enable(spec: UnitSpec): Promise<{ file: string }> {
    const { runner, folder, narrate } = this.#options;
    await this.#assertAvailable(spec.name);
    const file = join(folder, unitName(spec.name));
    await runner.mkdir(folder);
    await runner.write(file, unitText(spec), { mode: 0o600 });
    await this.#systemctl(spec.name, 'daemon-reload');
    await this.#systemctl(spec.name, 'enable', unitName(spec.name));
    const linger = await this.#try(['loginctl', 'enable-linger']);
    if (linger.code !== 0) {
      narrate?.({
        kind: 'warning',
        text: `the ${spec.name} will run only while you are logged in: ${problemOf(linger)}`,
        hint: 'an administrator can change that with: loginctl enable-linger <user>',
      });
    }
    return { file };
  }

  /** Disables the unit and removes its file; a running daemon keeps running. False when there was no unit. */
  async disable(name: string): Promise<boolean> {
    const { runner, folder } = this.#options;
    await this.#assertAvailable(name);
    const file = join(folder, unitName(name));
    if ((await runner.read(file)) === null) return false;
    await this.#systemctl(name, 'disable', unitName(name));
    await runner.remove(file);
    await this.#systemctl(name, 'daemon-reload');
    return true;
  }

  async #assertAvailable(name: string): Promise<void> {
    const answer = await this.#try(['systemctl', '--user', 'show', '--property=Version']);
    if (answer.code !== 0) throw RbeeError.of('SYSTEMD_UNAVAILABLE', { name, problem: problemOf(answer) });
  }

  async #systemctl(name: string, ...args: string[]): Promise<void> {
    const answer = await this.#try(['systemctl', '--user', ...args]);
    if (answer.code !== 0) throw RbeeError.of('SYSTEMD_UNAVAILABLE', { name, problem: problemOf(answer) });
  }

  async #try(argv: readonly string[]): Promise<RunResult> {
    const { runner, env } = this.#options;
    try {
      return await runner.run(argv, { env: cleanEnvironment(env, { LC_ALL: 'C' }), timeoutMs: 10_000 });
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const stderr = missing ? `${argv[0]} is not installed` : String(error);
      return { stdout: '', stderr, code: null, signal: null };
    }
  }
}

const problemOf = ({ stderr, code }: RunResult): string => printedLines(stderr)[0] ?? `exit code ${code}`;

/** A percent sign starts a specifier in every value of a unit file. */
const escapePercent = (text: string): string => text.replaceAll('%', '%%');

const quote = (text: string): string => {
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escapePercent(escaped)}"`;
};

/** Only in commands, a dollar sign starts a variable name. */
const quoteArgument = (argument: string): string => quote(argument).replaceAll('$', () => '$$');
