/** What some tests need beyond npm: installed, visibly, where that can be done without asking (root on Debian). */
import { spawnSync } from 'node:child_process';

/** Program and the Debian package that brings it. Where one is missing, its tests are skipped by name. */
const needs: readonly (readonly [string, string])[] = [
  ['systemd-analyze', 'systemd'],
  ['ps', 'procps'],
  ['prlimit', 'util-linux'],
  ['xz', 'xz-utils'],
  ['zstd', 'zstd'],
  ['zip', 'zip'],
  ['openssl', 'openssl'],
  ['git', 'git'],
  ['python3', 'python3-venv'],
  ['sshd', 'openssh-server'],
  ['ssh', 'openssh-client'],
  ['ip', 'iproute2'],
  ['fish', 'fish'],
  ['sox', 'sox'],
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
  // sshd and ip are not for everyone, so their folders are not on every PATH.
  `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
    .split(':')
    .some((folder) => spawnSync('test', ['-x', `${folder}/${program}`]).status === 0);
