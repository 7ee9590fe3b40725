/**
 * Did the kernel end a process because memory ran out? That looks like any other SIGKILL. The run's control group counts
 * it, and the kernel's log names the process; where neither may be read, a counter for the whole machine is a hint.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Runner } from '../system/runner.ts';
import type { GroupKills, RunGroup } from './run-group.ts';

/** What was over: the memory of the machine, or the limit of the run. */
export type OutOfMemory = 'machine' | 'limit';

/** The counters at an earlier time. */
export interface MemoryMark {
  group: GroupKills | null;
  /** On the whole machine; null where nothing tells. */
  machine: number | null;
}

export interface MemoryQuestion {
  pid: number;
  /** As the kernel tells it: a line of its log that is older is about another process of this PID. */
  startTime: string | null;
  /** What its group counts now. */
  group: GroupKills | null;
  /** Null when the counter was not read before: then its value now says nothing. */
  before: MemoryMark | null;
  /** Was it ended by SIGKILL, or may it have been? Only then the log and the machine's counter are asked. */
  killed: boolean;
}

/** Where this machine tells; other places in tests. */
export interface MemorySources {
  kernelLog: string;
  counters: string;
}

const usualSources: MemorySources = { kernelLog: '/dev/kmsg', counters: '/proc/vmstat' };

export const markMemory = async (group: RunGroup, sources = usualSources): Promise<MemoryMark> => ({
  group: await group.memoryKills(),
  machine: await machineKills(sources.counters),
});

/** Null when it was not, or nothing tells. Never throws. */
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

/** Reads the lines by which the kernel tells whom it has ended; `startTime` in hundredths of a second since the boot. */
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

/** Messages that are read before others get their turn. */
const messagesAtOnce = 500;

/** Null where it may not be read. It is kernel memory: reading it waits for nothing. */
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

/** Each read gives one message; null at the end. */
const readMessage = (file: number, buffer: Buffer): string | null => {
  try {
    const length = readSync(file, buffer);
    return length === 0 ? null : buffer.toString('utf8', 0, length);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return null;
    // What was to be read next has been overwritten meanwhile.
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
