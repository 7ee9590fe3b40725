/**
 * A machine made of namespaces: network, mounts, processes, host name. It lives as long as its init, which dies with
 * the test and takes processes, mounts and links with it.
 *
 * It sees the programs of the real system, but has its own home, /tmp, /run, users, boot id and machine id, and does
 * not see this repository, so nothing works there by accident.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { kill } from '../home.ts';
import { until } from '../until.ts';
import { namespaces } from './cannot.ts';
import { diesWithTest, systemEnv } from './program.ts';
import type { HostProcess } from './types.ts';

export interface MachineSetup {
  folder: string;
  name: string;
  user: string;
  home: string;
  diskMegabytes?: number | undefined;
  without: readonly string[];
}

export interface Namespace {
  /** PID of the process that owns the namespaces. */
  pid: number;
  /** Prefix of a command line that runs in all of the namespaces, as root. */
  enter: readonly string[];
  /** The same for its network alone, where the test's own files are visible. */
  enterNetwork: readonly string[];
  processes(): HostProcess[];
  /** Kills all processes but init, and gives the machine a new boot id. */
  endProcesses(): Promise<void>;
  child: ChildProcess;
  /** Ends init, and with it everything; `child` exits afterwards. */
  end(): void;
}

const repository = resolve(import.meta.dirname, '../../..');

export const startNamespace = async (setup: MachineSetup): Promise<Namespace> => {
  const owner = setup.user === 'root' ? 0 : userId;
  layOutFolder(setup, owner);
  const env = {
    ...systemEnv,
    MACHINE: setup.folder,
    HOME_INSIDE: setup.home,
    OWNER: String(owner),
    NAME: setup.name,
    DISK_MEGABYTES: String(setup.diskMegabytes ?? ''),
    WITHOUT: setup.without.join(' '),
    HIDDEN_FOLDER: repository,
  };
  const script = join(import.meta.dirname, 'boot.sh');
  const [program, ...args] = [...diesWithTest, 'unshare', ...namespaces, 'sh', script];
  const child = spawn(program!, args, { env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  await ready(child, setup.name);
  const pid = child.pid!;
  const own = `/proc/${pid}/ns`;
  const network = readlinkSync(`${own}/net`);
  if (network === readlinkSync('/proc/self/ns/net')) throw new Error(`${setup.name} has no network of its own`);

  const enterNetwork = ['nsenter', `--net=${own}/net`];
  const enter = [
    ...enterNetwork,
    `--mount=${own}/mnt`,
    `--uts=${own}/uts`,
    `--ipc=${own}/ipc`,
    `--pid=${own}/pid_for_children`,
    '--',
  ];
  const inside = (): HostProcess[] => processesOf(network);
  const init = inside().find(({ inside }) => inside === 1)?.pid;
  if (init === undefined) throw new Error(`${setup.name} has no processes of its own`);
  const processes = (): HostProcess[] =>
    inside().filter(({ inside, command }) => inside !== 1 && command !== initSleeps);
  const endProcesses = async (): Promise<void> => {
    for (const end = performance.now() + 10_000; ; await delay(5)) {
      const left = processes();
      if (left.length === 0) break;
      if (performance.now() > end) throw new Error(`processes of ${setup.name} outlive SIGKILL`);
      for (const { pid } of left) kill(pid);
    }
    writeFileSync(join(setup.folder, 'etc/boot-id'), `${randomUUID()}\n`);
  };
  return { pid, enter, enterNetwork, processes, endProcesses, child, end: () => kill(init) };
};

/** UID of ann; any that is not root's would do. */
export const userId = 1000;

const layOutFolder = ({ folder, user, home }: MachineSetup, owner: number): void => {
  for (const name of ['etc', 'bin', 'home']) mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
  chownSync(join(folder, 'home'), owner, owner);
  const write = (name: string, text: string): void => writeFileSync(join(folder, 'etc', name), text, { mode: 0o644 });
  writePasswd(folder, { user, home, shell: '/bin/bash' });
  write('group', `root:x:0:\ntty:x:5:\nann:x:${userId}:\nnogroup:x:65534:\n`);
  // Named here so that no other source of the system says that root is locked.
  write('shadow', 'root:*:1::::::\nann:*:1::::::\n');
  write('hosts', '127.0.0.1 localhost\n::1 localhost\n');
  // No name server answers: the resolver gives up at once.
  write('resolv.conf', 'options attempts:1 timeout:1\n');
  write('machine-id', `${randomUUID().replaceAll('-', '')}\n`);
  write('boot-id', `${randomUUID()}\n`);
};

/** Rewrites the file in place, because this very file is mounted over /etc/passwd. */
export const writePasswd = (
  folder: string,
  { user, home, shell }: { user: string; home: string; shell: string },
): void => {
  const line = (name: string, id: number): string =>
    name === user ? `${name}:*:${id}:${id}::${home}:${shell}` : `${name}:*:${id}:${id}::/nonexistent:/usr/sbin/nologin`;
  const lines = [line('root', 0), line('ann', userId), line('sshd', 100), line('nobody', 65534)];
  writeFileSync(join(folder, 'etc/passwd'), `${lines.join('\n')}\n`, { mode: 0o644 });
};

const ready = async (child: ChildProcess, name: string): Promise<void> => {
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const failed = once(child, 'exit').then(() => {
    throw new Error(`host ${name} did not come up: ${said}`);
  });
  failed.catch(() => {});
  await Promise.race([failed, until(() => said.includes('ready\n'), { what: `host ${name}` })]);
  child.unref();
};

/**
 * Processes in the network namespace that also have a PID namespace of their own: the test's own helpers do not count.
 */
const processesOf = (network: string): HostProcess[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      if (readlinkSync(`/proc/${name}/ns/net`) !== network) return [];
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const inside = /^NSpid:\t\d+\t(\d+)/m.exec(status)?.[1];
      if (inside === undefined) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [
        { pid: Number(name), inside: Number(inside), command: command || (/^Name:\t(.*)$/m.exec(status)?.[1] ?? '') },
      ];
    } catch {
      return [];
    }
  });

const initSleeps = 'sleep 86400';
