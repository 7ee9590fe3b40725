/**
 * Tells whether the kernel killed a process because memory ran out, which otherwise looks like any SIGKILL. The control
 * group of the run counts such kills, and the kernel's log names the process. Where neither is readable, a counter for
 * the whole machine is a hint.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Runner } from '../system/runner.ts';
import type { GroupKills, RunGroup } from './run-group.ts';

/** What ran out: the memory of the machine, or the limit of the run. */
export type OutOfMemory = 'machine' | 'limit';

/** The counters at an earlier time. */
export interface MemoryMark {
  group: GroupKills | null;
  /** For the whole machine; null where it is not available. */
  machine: number | null;
}

export interface MemoryQuestion {
  pid: number;
  /** As the kernel reports it. Older lines of the log belong to an earlier process with this PID. */
  startTime: string | null;
  /** The current counts of its group. */
  group: GroupKills | null;
  /** Null when the counters were not read before: their current values then prove nothing. */
  before: MemoryMark | null;
  /** It was ended by SIGKILL, or may have been. Only then are the log and the machine's counter read. */
  killed: boolean;
}

/** Where this machine reports it; other places in tests. */
export interface MemorySources {
  kernelLog: string;
  counters: string;
}

const usualSources: MemorySources = { kernelLog: '/dev/kmsg', counters: '/proc/vmstat' };

export const markMemory = async (group: RunGroup, sources = usualSources): Promise<MemoryMark> => ({
  group: await group.memoryKills(),
  machine: await machineKills(sources.counters),
});

/** Null when memory was not the reason, or nothing shows it. Never throws. */
export const ranOutOfMemory = async (
  runner: Pick<Runner, 'run'>,
  { pid, startTime, group, before, killed }: MemoryQuestion,
  sources = usualSources,
): Promise<OutOfMemory | null> => {
  if (group !== null && group.kills > (before?.group?.kills ?? 0)) {
    return group.limit > (before?.group?.limit ?? 0) ? 'limit' : 'machine';
  }
  if (!killed) return null;
  const log = (await readKernelLog(sources.kernelLog)) ?? (await askDmesg(runner));
  if (log !== null) return killInLog(log, pid, startTime);
  const machine = await machineKills(sources.counters);
  return machine !== null && before?.machine != null && machine > before.machine ? 'machine' : null;
};

/** `12,345,67890123,-;Out of memory: Killed process …` of /dev/kmsg, or `[   67.890123] Out of memory: …` of dmesg. */
const killLine =
  /^(?:\d+,\d+,(?<micros>\d+),[^;]*;|\[ *(?<seconds>[\d.]+)\] )(?<what>Memory cgroup out of memory|Out of memory)\b.*?\bKill(?:ed)? process (?<pid>\d+)\b/gm;

/** Parses the lines in which the kernel reports a kill; `startTime` is in hundredths of a second since boot. */
export const killInLog = (log: string, pid: number, startTime: string | null): OutOfMemory | null => {
  const started = Number(startTime ?? 0) / 100;
  for (const { groups = {} } of log.matchAll(killLine)) {
    const at = groups['micros'] === undefined ? Number(groups['seconds']) : Number(groups['micros']) / 1e6;
    if (Number(groups['pid']) === pid && at >= started) return groups['what'] === 'Out of memory' ? 'machine' : 'limit';
  }
  return null;
};

const machineKills = async (file: string): Promise<number | null> => {
  const count = /^oom_kill (\d+)$/m.exec(await readFile(file, 'utf8').catch(() => ''))?.[1];
  return count === undefined ? null : Number(count);
};

/** Messages to read before yielding to other work. */
const messagesAtOnce = 500;

/** Null where it is not readable. It is kernel memory, so reading never blocks. */
const readKernelLog = async (path: string): Promise<string | null> => {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found: string[] = [];
    const buffer = Buffer.alloc(16 * 1024);
    for (let count = 1; ; count += 1) {
      const message = readMessage(file, buffer);
      if (message === null) return found.join('');
      if (message.includes('ut of memory')) found.push(message);
      if (count % messagesAtOnce === 0) await new Promise(setImmediate);
    }
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
};

/** Each read returns one message; null at the end. */
const readMessage = (file: number, buffer: Buffer): string | null => {
  try {
    const length = readSync(file, buffer);
    return length === 0 ? null : buffer.toString('utf8', 0, length);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return null;
    // The next message was overwritten before it could be read.
    if (code === 'EPIPE') return '';
    throw error;
  }
};

const askDmesg = async (runner: Pick<Runner, 'run'>): Promise<string | null> => {
  try {
    const { code, stdout } = await runner.run(['dmesg'], { env: { PATH: '/usr/bin:/bin:/sbin' }, timeoutMs: 2_000 });
    return code === 0 ? stdout : null;
  } catch {
    return null;
  }
};
