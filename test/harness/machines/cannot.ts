/** What this machine cannot run, and why: for the `skip` of a test. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { diesWithTest, systemEnv } from './program.ts';
import type { Ability } from './types.ts';

/** `test('…', { skip: cannot('network') }, …)`: false where it works, else the reason. */
export const cannot = (ability: Ability): string | false => {
  if (!sshdPath()) return 'there is no sshd here (Debian: openssh-server)';
  if (!existsSync('/usr/bin/ssh')) return 'there is no ssh here (Debian: openssh-client)';
  if (ability === 'ssh') return false;
  const reason = withoutNamespaces();
  if (reason) return reason;
  return ability === 'fish' && !existsSync('/usr/bin/fish') && 'there is no fish here (Debian: fish)';
};

export const sshdPath = (): string | undefined => ['/usr/sbin/sshd', '/usr/bin/sshd'].find((path) => existsSync(path));

let reason: string | false | undefined;

/** Why hosts cannot have namespaces of their own, found by trying. */
export const withoutNamespaces = (): string | false => {
  reason ??= look();
  return reason;
};

const look = (): string | false => {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const parts = [
    'mount -t tmpfs none /mnt',
    'mkdir /mnt/layer',
    'mount -t overlay -o lowerdir=/mnt/layer:/usr/bin overlay /usr/bin',
    'ip link add name br0 type bridge',
    'ip link add name near type veth peer name far',
  ];
  const { status, stderr, error } = spawnSync(
    'timeout',
    ['10', ...diesWithTest, 'unshare', ...namespaces, 'sh', '-ec', parts.join('\n')],
    { env: systemEnv, encoding: 'utf8' },
  );
  return status !== 0 && `namespaces cannot be made here: ${(stderr || String(error ?? status)).trim()}`;
};

export const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc'];
