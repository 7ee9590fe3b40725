/** The machine: Node, limits, systemd. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, fail, ok, warn } from './check.ts';

const nodeNeeded = 24;
/** Every stream through the queen takes two file descriptors. */
const filesWanted = 4096;

export const checkNode = (version = process.versions.node): Check[] => {
  const enough = Number(version.split('.')[0]) >= nodeNeeded;
  return [
    enough ? ok('node', `v${version}`) : fail('node', `v${version} is too old`, `install Node ${nodeNeeded} or later`),
  ];
};

/** `limits` is the text of `/proc/self/limits`. */
export const checkOpenFiles = (limits = readLimits()): Check[] => {
  const limit = /^Max open files\s+(\S+)/m.exec(limits ?? '')?.[1];
  if (limit === undefined) return [];
  const enough = limit === 'unlimited' || Number(limit) >= filesWanted;
  const hint = 'raise it with ulimit -n 65536, or nofile in /etc/security/limits.conf';
  return [enough ? ok('open files', limit) : warn('open files', `at most ${limit}, too few for many streams`, hint)];
};

const readLimits = (): string | undefined => {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Only Linux has this file.
    return undefined;
  }
};

export const checkSystemd = (env: NodeJS.ProcessEnv): Check[] => {
  if (process.platform !== 'linux') return [];
  const runtime = env['XDG_RUNTIME_DIR'] || `/run/user/${process.getuid?.() ?? 0}`;
  if (existsSync(join(runtime, 'systemd', 'private'))) return [ok('systemd', 'user services are available')];
  const text = 'no user services: queen and hive cannot start at boot, and limits of workers may not be enforced';
  return [
    warn(
      'systemd',
      text,
      'start rbee by hand after a boot, or enable systemd --user for this user (loginctl enable-linger)',
    ),
  ];
};
