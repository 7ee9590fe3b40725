/** Processes of a Linux machine, read from /proc. Its files are kernel memory, so reading never waits for a disk. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ProcessTable } from './process-table.ts';
import type { ProcessIdentity } from './runner.ts';

export const linuxProcesses = (): ProcessTable => {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return {
    bootId: async () => bootId,
    identity: async (pid) => identityOf(pid, bootId),
    groupMembers: async (group) => pids().filter((pid) => living(pid)?.group === group),
    findByEnvironment: async (name, value) => {
      const found: ProcessIdentity[] = [];
      for (const [index, pid] of pids().entries()) {
        // Scanning thousands of processes must not block other work.
        if (index % pidsAtOnce === pidsAtOnce - 1) await new Promise(setImmediate);
        if (!carries(pid, `${name}=${value}`)) continue;
        const identity = identityOf(pid, bootId);
        // Checked again: the PID may have been reused between the two reads.
        if (identity !== null && carries(pid, `${name}=${value}`)) found.push(identity);
      }
      return found;
    },
    cpuMs: async (pid) => parseCpuMs(readIfThere(`/proc/${pid}/stat`) ?? ''),
    isStopped: async (pid) => living(pid)?.state === 'T',
    environment: async (pid) => readIfThere(`/proc/${pid}/environ`)?.split('\0').filter(Boolean) ?? null,
    describe: async (pid) => {
      const stat = living(pid);
      const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]);
      if (stat === null) return null;
      // Counted back from now: the boot time in /proc/stat has whole seconds only and moves with the clock.
      const startedAt = Date.now() - (uptime - Number(stat.startTime) / ticksPerSecond) * 1000;
      const cwd = cwdOf(pid);
      return { startedAt, argv: argvOf(pid), ...(cwd === undefined ? {} : { cwd }) };
    },
  };
};

/** Processes to examine before yielding to other work. */
const pidsAtOnce = 256;

/** User and system time of `/proc/<pid>/stat`, in milliseconds. */
export const parseCpuMs = (text: string): number => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) || 0) + (Number(fields[12]) || 0)) * (1000 / ticksPerSecond);
};

/** USER_HZ: a constant of the kernel's interface on all platforms that Node supports. */
const ticksPerSecond = 100;

/** Parses `/proc/<pid>/stat`. The name in parentheses may contain spaces and parentheses: only the last one ends it. */
export const parseStat = (text: string): { state: string; group: number; startTime: string } | null => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, group, startTime] = [fields[0], fields[2], fields[19]];
  return state && group && startTime ? { state, group: Number(group), startTime } : null;
};

const identityOf = (pid: number, bootId: string): ProcessIdentity | null => {
  const stat = living(pid);
  return stat && { pid, startTime: stat.startTime, bootId, group: stat.group };
};

const living = (pid: number) => {
  const text = readIfThere(`/proc/${pid}/stat`);
  const stat = text === null ? null : parseStat(text);
  return stat === null || stat.state === 'Z' || stat.state === 'X' ? null : stat;
};

const pids = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);

const carries = (pid: number, entry: string): boolean => {
  const text = readIfThere(`/proc/${pid}/environ`);
  return text?.includes(entry) === true && text.split('\0').includes(entry);
};

const argvOf = (pid: number): string[] => (readIfThere(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);

const cwdOf = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
};

/**
 * Null for a process that is gone or belongs to another user. Any other error, such as too many open files, says
 * nothing about the process and is thrown.
 */
const readIfThere = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
};
