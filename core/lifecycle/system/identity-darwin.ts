/** Processes of a Mac, as reported by `ps` and `sysctl`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProcessTable } from './process-table.ts';
import type { ProcessIdentity } from './runner.ts';

/** Runs a system program and returns its output; empty when it failed. */
export type Ask = (program: string, args: readonly string[]) => Promise<string>;

export const darwinProcesses = (ask: Ask = askSystem): ProcessTable => {
  let boot: Promise<string> | undefined;
  const bootId = () => {
    boot ??= ask('/usr/sbin/sysctl', ['-n', 'kern.boottime']).then(parseBootTime);
    return boot;
  };
  const list = async (args: readonly string[]) =>
    parseProcesses(await ask('/bin/ps', [...args, '-o', 'pid=,pgid=,stat=,lstart=,command=']), await bootId());
  const one = async (pid: number) => (await list(['-ww', '-p', String(pid)]))[0] ?? null;
  return {
    bootId,
    identity: async (pid) => (await one(pid))?.identity ?? null,
    groupMembers: async (group) =>
      (await list(['-ax'])).filter(({ identity }) => identity.group === group).map(({ identity }) => identity.pid),
    isStopped: async (pid) => (await ask('/bin/ps', ['-p', String(pid), '-o', 'stat='])).startsWith('T'),
    // -E appends the environment to the arguments, for the user's own processes.
    findByEnvironment: async (name, value) =>
      (await list(['-axwwE']))
        // Nothing marks where one variable ends: a value may contain spaces.
        .filter(({ command }) => ` ${command} `.includes(` ${name}=${value} `))
        .map(({ identity }) => identity),
    environment: async (pid) => (await list(['-wwE', '-p', String(pid)]))[0]?.command.split(' ') ?? null,
    describe: async (pid) => {
      const found = await one(pid);
      return found && { startedAt: Date.parse(found.identity.startTime), argv: found.command.split(' ') };
    },
  };
};

const line = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s+(.*)$/;

/** Parses the output of ps; zombies are omitted. */
export const parseProcesses = (text: string, bootId: string): { identity: ProcessIdentity; command: string }[] =>
  text.split('\n').flatMap((row) => {
    const [, pid, group, state, started, command] = line.exec(row) ?? [];
    if (!pid || !group || !started || !state || state.startsWith('Z')) return [];
    const startTime = started.replace(/\s+/g, ' ');
    return [{ identity: { pid: Number(pid), group: Number(group), startTime, bootId }, command: command ?? '' }];
  });

/** `{ sec = 1700000000, usec = 123456 } Tue …`: only the seconds, since the rest changes when the clock is set. */
export const parseBootTime = (text: string): string => /sec = (\d+)/.exec(text)?.[1] ?? 'unknown';

const askSystem: Ask = async (program, args) => {
  try {
    return (await promisify(execFile)(program, [...args], { env: { LC_ALL: 'C' }, maxBuffer: 16 * 1024 * 1024 }))
      .stdout;
  } catch {
    return '';
  }
};
