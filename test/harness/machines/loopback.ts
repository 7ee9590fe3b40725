/**
 * A host where namespaces cannot be made: an sshd on a free loopback port, as the user who runs the test, with its own
 * home. `cannot` lists what it does not support; asked to do it anyway, it throws and says so.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { kill } from '../home.ts';
import { cannot } from './cannot.ts';
import { authorizedKeys, type Reached } from './client.ts';
import { publicKey } from './keys.ts';
import { listing } from './listing.ts';
import { diesWithTest, runProgram, systemEnv } from './program.ts';
import type { Slot } from './slot.ts';
import { createSshd } from './sshd.ts';
import type { Ability, Client, Host, HostOptions, HostProcess } from './types.ts';

export const createLoopbackHost = async (
  slot: Slot,
  options: HostOptions & { name: string },
  client: Pick<Client, 'keys'>,
): Promise<Reached> => {
  const { name } = options;
  const needed = Object.entries(abilityOf).find(([option]) => options[option as keyof HostOptions] !== undefined);
  if (needed) throw lacking(needed[1]);
  const folder = join(slot.folder, name);
  const home = join(folder, 'home');
  for (const path of [home, join(folder, 'etc')]) mkdirSync(path, { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'etc/authorized_keys'), authorizedKeys(client));
  // sshd needs it when it runs as root, and nothing creates it in a container.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = options.port ?? (await freePort());

  const all = (): HostProcess[] => processesWith((words) => words.includes(`HOME=${home}`));
  const sshd = await createSshd({
    enter: diesWithTest,
    folder: join(folder, 'etc'),
    inside: join(folder, 'etc'),
    port,
    always: [
      'ListenAddress 127.0.0.1',
      `SetEnv "HOME=${home}"`,
      // sshd starts commands in the home from passwd, which is the real user's.
      'ForceCommand cd && exec "$SHELL" -c "$SSH_ORIGINAL_COMMAND"',
    ],
    lines: options.sshd ?? [],
    sftp: options.sftp ?? true,
    processes: () => {
      const listeners = processesWith(() => true)
        .filter(({ command }) => /sshd\b/.test(command) && command.includes(`${folder}/etc/sshd_config`))
        .map(({ pid }) => pid);
      const parents = parentsOf();
      const connections = [...parents.keys()].filter((pid) => hasAncestor(pid, listeners, parents));
      return [
        ...listeners.map((pid) => ({ pid, listener: true })),
        ...connections.map((pid) => ({ pid, listener: false })),
      ];
    },
    started: slot.own,
  });
  await sshd.start();

  const path: Host['path'] = (ofHost = '') => (isAbsolute(ofHost) ? ofHost : join(home, ofHost));

  const reboot = async (): Promise<void> => {
    await sshd.stop({ connections: 'cut' });
    for (const end = performance.now() + 10_000; all().length > 0 && performance.now() < end; await delay(5))
      for (const { pid } of all()) kill(pid);
    await sshd.start();
  };

  const host: Host = {
    name,
    user: userInfo().username,
    home,
    address: '127.0.0.1',
    address6: '127.0.0.1',
    port,
    path,
    files: (below) => listing(path(below)),
    run: (line, { input, asRoot, timeoutMs } = {}) => {
      if (asRoot && process.getuid?.() !== 0) throw lacking('system');
      return runProgram(['sh', '-c', `cd && ${line}`], { input, timeoutMs, env: { ...systemEnv, HOME: home } });
    },
    processes: all,
    reboot,
    sshdLog: sshd.log,
    startSshd: sshd.start,
    stopSshd: sshd.stop,
    restartSshd: () => sshd.configure({}),
    configureSshd: sshd.configure,
    changeHostKey: sshd.changeKey,
    linkDown: () => Promise.reject(lacking('network')),
    linkUp: () => Promise.reject(lacking('network')),
    shape: () => Promise.reject(lacking('network')),
    setShell: () => {
      throw lacking('system');
    },
    setProgram: () => {
      throw lacking('system');
    },
    setReadOnlyHome: () => Promise.reject(lacking('disk')),
  };
  return { host, options, publicKeys: () => sshd.keys.map(publicKey) };
};

/** Options that need namespaces. A host behind another is reached through it here too, but also directly. */
const abilityOf = {
  user: 'system',
  home: 'system',
  shell: 'system',
  without: 'system',
  diskMegabytes: 'disk',
} as const;

const lacking = (ability: Ability): Error =>
  new Error(`hosts on loopback do not offer "${ability}": ${cannot(ability) || 'they were asked for'}`);

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const processesWith = (matches: (environment: string[]) => boolean): HostProcess[] =>
  pids().flatMap((pid) => {
    try {
      if (!matches(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'))) return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [{ pid, inside: pid, command }];
    } catch {
      return [];
    }
  });

const parentsOf = (): Map<number, number> =>
  new Map(
    pids().flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return [[pid, Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ', 1)[0])]];
      } catch {
        return [];
      }
    }),
  );

const hasAncestor = (pid: number, wanted: readonly number[], parents: ReadonlyMap<number, number>): boolean => {
  const parent = parents.get(pid);
  return parent !== undefined && parent > 1 && (wanted.includes(parent) || hasAncestor(parent, wanted, parents));
};
