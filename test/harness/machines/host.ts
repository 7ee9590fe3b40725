/** A host in namespaces of its own. */
import { rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { authorizedKeys, type Reached } from './client.ts';
import { publicKey } from './keys.ts';
import { listing } from './listing.ts';
import { type Namespace, startNamespace, userId, writePasswd } from './namespace.ts';
import { layCable, type Place, setPort } from './network.ts';
import { mustRun, runProgram } from './program.ts';
import { bannerShell, shellPath } from './shells.ts';
import type { Slot } from './slot.ts';
import { createSshd } from './sshd.ts';
import { createShaper } from './traffic.ts';
import type { Client, Host, HostOptions } from './types.ts';

export interface NamespaceHost extends Reached {
  namespace: Namespace;
}

export const createHost = async (
  slot: Slot,
  options: HostOptions & { name: string },
  client: Pick<Client, 'keys'>,
  /** Settles once the host that it is behind is up. */
  whereabouts: Promise<Place>,
): Promise<NamespaceHost> => {
  const { name, user = 'ann', port = 22 } = options;
  const home = options.home ?? (user === 'root' ? '/root' : '/home/ann');
  if (home !== '/root' && !home.startsWith('/home/')) throw new Error(`homes lie below /home, not at ${home}`);
  const folder = join(slot.folder, name);
  const without = options.without ?? ['node', 'nodejs', 'npm', 'npx'];
  const namespace = await startNamespace({ folder, name, user, home, without, diskMegabytes: options.diskMegabytes });
  slot.own(namespace.child, namespace.end);
  const inAll = namespace.enter;
  const runAsRoot = (script: string): Promise<string> => mustRun([...inAll, 'sh', '-c', script]);

  const path: Host['path'] = (ofHost = '') =>
    `/proc/${namespace.pid}/root${isAbsolute(ofHost) ? ofHost : join(home, ofHost)}`;

  const run: Host['run'] = (line, { input, asRoot = user === 'root', timeoutMs } = {}) => {
    const id = String(userId);
    const as = asRoot ? [] : ['setpriv', '--reuid', id, '--regid', id, '--clear-groups', '--'];
    const env = ['env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin', `HOME=${home}`, `USER=${asRoot ? 'root' : user}`];
    return runProgram([...inAll, ...as, ...env, 'sh', '-c', `cd && ${line}`], { input, timeoutMs });
  };

  const processes: Host['processes'] = ({ all = false } = {}) =>
    namespace.processes().filter(({ command }) => all || !isSshd(command));

  const setProgram: Host['setProgram'] = (program, script) => {
    const file = join(folder, 'bin', program);
    rmSync(file, { force: true });
    if (script !== null) writeFileSync(file, script, { mode: 0o755 });
  };

  const setShell: Host['setShell'] = (shell) => {
    if (shell === 'banner') setProgram('banner-shell', bannerShell);
    writePasswd(folder, { user, home, shell: shellPath[shell] });
  };

  setShell(options.shell ?? 'bash');
  writeFileSync(join(folder, 'etc/authorized_keys'), authorizedKeys(client), { mode: 0o644 });
  const sshd = await createSshd({
    enter: inAll,
    folder: join(folder, 'etc'),
    inside: '/run/machine',
    port,
    lines: options.sshd ?? [],
    sftp: options.sftp ?? true,
    processes: () =>
      namespace
        .processes()
        .filter(({ command }) => isSshd(command))
        .map(({ pid, command }) => ({ pid, listener: !/^sshd: \w+( \[|@|$)/.test(command) })),
  });
  const place = await whereabouts;
  await layCable(place, namespace);
  await sshd.start();
  const shaper = createShaper(place, namespace, slot.own);

  const reboot = async (): Promise<void> => {
    await namespace.endProcesses();
    await runAsRoot('rm -rf /tmp/* /tmp/.[!.]* /dev/shm/* /run/user');
    await sshd.start();
  };

  const setReadOnlyHome = async (readOnly: boolean): Promise<void> => {
    await mustRun([...inAll, 'mount', '-o', `remount,bind,${readOnly ? 'ro' : 'rw'}`, home]);
  };

  const host: Host = {
    name,
    user,
    home,
    address: place.address,
    address6: place.address6,
    port,
    path,
    files: (below) => listing(path(below)),
    run,
    processes,
    reboot,
    sshdLog: sshd.log,
    startSshd: sshd.start,
    stopSshd: sshd.stop,
    restartSshd: () => sshd.configure({}),
    configureSshd: sshd.configure,
    changeHostKey: sshd.changeKey,
    linkDown: () => setPort(place, 'down'),
    linkUp: () => setPort(place, 'up'),
    shape: shaper.shape,
    setShell,
    setProgram,
    setReadOnlyHome,
  };
  return { host, options, publicKeys: () => sshd.keys.map(publicKey), namespace };
};

const isSshd = (command: string): boolean => /^(sshd:|\/usr\/s?bin\/sshd)/.test(command);
