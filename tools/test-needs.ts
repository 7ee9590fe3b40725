/** Installs what some tests need beyond npm, if the user is root on Debian. */
import { spawnSync } from 'node:child_process';

/** Programs, and the Debian packages that contain them. Tests of a missing program are skipped with a reason. */
const needs: readonly (readonly [string, string])[] = [
  ['systemd-analyze', 'systemd'],
  ['ps', 'procps'],
  ['prlimit', 'util-linux'],
  ['xz', 'xz-utils'],
  ['zstd', 'zstd'],
  ['zip', 'zip'],
  ['openssl', 'openssl'],
  ['git', 'git'],
  ['chromium', 'chromium'],
  ['python3', 'python3-venv'],
  ['sshd', 'openssh-server'],
  ['ssh', 'openssh-client'],
  ['ip', 'iproute2'],
  ['fish', 'fish'],
  ['sox', 'sox'],
  ['haproxy', 'haproxy'],
];

export const installTestNeeds = (): void => {
  const missing = needs.filter(([program]) => !isThere(program)).map(([, name]) => name);
  if (missing.length === 0 || process.getuid?.() !== 0 || !isThere('apt-get')) return;
  console.log(`the tests need ${missing.join(', ')}: installing with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-q'], { stdio: 'inherit', env });
  spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { stdio: 'inherit', env });
};

const isThere = (program: string): boolean =>
  // The folders of sshd and ip are not on every PATH.
  `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
    .split(':')
    .some((folder) => spawnSync('test', ['-x', `${folder}/${program}`]).status === 0);
