/** The sshd of one host: a child of the test in the foreground, with its own keys and configuration. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kill } from '../home.ts';
import { until } from '../until.ts';
import { sshdPath } from './cannot.ts';
import { makeKey } from './keys.ts';
import { systemEnv } from './program.ts';

export interface SshdSetup {
  /** Prefix of the command line that runs it on its host. */
  enter: readonly string[];
  /** Folder for its files, and its path as sshd sees it. */
  folder: string;
  inside: string;
  port: number;
  /** Lines that are always in its configuration. */
  always?: readonly string[];
  lines: readonly string[];
  sftp: boolean;
  /** PIDs of the listener and of everything that serves a connection. */
  processes(): { pid: number; listener: boolean }[];
  /** Called with each new listener, where nothing else ends it. */
  started?(child: ChildProcess): void;
}

export interface Sshd {
  log(): string;
  start(): Promise<void>;
  stop(options?: { connections?: 'cut' }): Promise<void>;
  configure(options: { lines?: readonly string[]; sftp?: boolean }): Promise<void>;
  changeKey(): Promise<void>;
  /** Paths of the host's private keys; the public ones are beside them. */
  keys: readonly string[];
}

export const createSshd = async (setup: SshdSetup): Promise<Sshd> => {
  const { folder, inside } = setup;
  const keys = keyTypes.map((type) => join(folder, `host_${type}`));
  let { lines, sftp } = setup;
  let child: ChildProcess | undefined;
  let log = '';

  const makeKeys = async (): Promise<void> => {
    for (const key of keys) for (const path of [key, `${key}.pub`]) rmSync(path, { force: true });
    await Promise.all(keyTypes.map((type, nth) => makeKey(keys[nth]!, { type })));
  };

  const writeConfig = (): void => {
    const config = [
      ...(setup.always ?? []),
      // For an option given twice, sshd uses the first.
      ...lines,
      `Port ${setup.port}`,
      ...keyTypes.map((type) => `HostKey ${inside}/host_${type}`),
      `AuthorizedKeysFile ${inside}/authorized_keys`,
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'PrintMotd no',
      'PidFile none',
      'LogLevel VERBOSE',
      ...(sftp ? ['Subsystem sftp /usr/lib/openssh/sftp-server'] : []),
    ];
    writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  };

  const start = async (): Promise<void> => {
    if (child) return;
    writeConfig();
    const [program, ...args] = [...setup.enter, sshdPath()!, '-D', '-e', '-f', `${inside}/sshd_config`];
    const starting = spawn(program!, args, { cwd: '/', env: systemEnv, stdio: ['ignore', 'ignore', 'pipe'] });
    setup.started?.(starting);
    const from = log.length;
    starting.stderr.setEncoding('utf8').on('data', (text) => (log += text));
    starting.once('exit', () => {
      if (child === starting) child = undefined;
    });
    child = starting;
    await until(
      () => {
        if (child !== starting) throw new Error(`sshd did not start: ${log.slice(from)}`);
        return log.includes('Server listening on', from);
      },
      { what: 'sshd' },
    );
    starting.unref();
  };

  const stop: Sshd['stop'] = async ({ connections } = {}) => {
    const ended = child && once(child, 'exit');
    for (const { pid } of setup.processes().filter(({ listener }) => listener)) kill(pid, 'SIGTERM');
    await ended;
    if (connections === 'cut') for (const { pid } of setup.processes()) kill(pid);
  };

  const configure: Sshd['configure'] = async (options) => {
    lines = options.lines ?? lines;
    sftp = options.sftp ?? sftp;
    await stop();
    await start();
  };

  const changeKey = async (): Promise<void> => {
    await makeKeys();
    await stop();
    await start();
  };

  await makeKeys();
  return { log: () => log, start, stop, configure, changeKey, keys };
};

const keyTypes = ['ed25519', 'ecdsa'] as const;
