/** The processes of a storm's machines, as the test sees them in /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Field } from './field.ts';
import type { Target } from './plan.ts';

export interface Process {
  /** As the test sees it. */
  pid: number;
  /** As its machine sees it. */
  inside: number;
  parent: number;
  /** `R`, `S`, `T` when stopped by a signal, `D` … */
  state: string;
  startTime: string;
  hive: string;
  argv: readonly string[];
  /** RBEE_RUN_NONCE and RBEE_WORKER_ID of its environment. */
  nonce: string | null;
  worker: string | null;
}

/** All processes of both machines except zombies. An exiting process no longer has a command line. */
export const processesOf = ({ fleet }: Field): Process[] => {
  const { home, machines } = fleet;
  const there = machines.host('pi').processes({ all: true });
  const here = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return [
    ...here.flatMap((pid) => read(Number(pid), Number(pid), 'local', (...process) => isOf(home, ...process))),
    ...there.flatMap(({ pid, inside }) => read(pid, inside, 'pi', () => true)),
  ];
};

/** Daemons and workers of a home work inside it; commands have it in their environment. */
const isOf = ({ folder }: Field['fleet']['home'], pid: number, environment: readonly string[]): boolean =>
  `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`) || environment.includes(`RBEE_HOME=${folder}`);

type IsOne = (pid: number, environment: readonly string[]) => boolean;

/** Nothing if the process has ended or does not belong here. */
const read = (pid: number, inside: number, hive: string, isOne: IsOne): Process[] => {
  try {
    const environment = words(pid, 'environ');
    const stat = statOf(pid);
    if (stat.state === 'Z' || !isOne(pid, environment)) return [];
    const value = (variable: string): string | null =>
      environment.find((word) => word.startsWith(`${variable}=`))?.slice(variable.length + 1) ?? null;
    const ids = { nonce: value('RBEE_RUN_NONCE'), worker: value('RBEE_WORKER_ID') };
    return [{ pid, inside, ...stat, hive, argv: words(pid, 'cmdline'), ...ids }];
  } catch {
    return [];
  }
};

/**
 * The processes that play this role. Between fork and exec, a child still has its parent's command line, so processes
 * whose parent plays the same role are left out.
 */
export const playersOf = (target: Target, all: readonly Process[]): Process[] => {
  const players = all.filter((process) => plays(process, target));
  const pids = new Set(players.map(({ pid }) => pid));
  return players.filter(({ parent }) => !pids.has(parent));
};

/** Does a process have that role? Commands are known only by their PIDs. */
export const plays = ({ hive, argv, nonce }: Process, target: Target): boolean => {
  const runs = (pattern: RegExp): boolean => argv.some((word) => pattern.test(word));
  switch (target) {
    case 'queen':
      return hive === 'local' && runs(/\/queen\/daemon\.js$/);
    case 'local hive':
      return hive === 'local' && runs(/\/hive\/daemon\.js$/);
    case 'remote hive':
      return hive === 'pi' && runs(/\/hive\/daemon\.js$/);
    case 'agent':
      return runs(/\/agent\/\w+\.mjs$/);
    case 'connection':
      // The one that carries the connection, not its monitor: killing that would break only the next session.
      return /^sshd: ann@/.test(argv[0] ?? '');
    case 'engine':
      return nonce !== null && runs(/\/engine\.js$/);
    case 'child':
      return nonce !== null && !runs(/\/engine\.js$/);
    case 'command':
      return false;
  }
};

export const startTimeOf = (pid: number): string | null => {
  try {
    return statOf(pid).startTime;
  } catch {
    return null;
  }
};

const words = (pid: number, file: string): string[] =>
  readFileSync(`/proc/${pid}/${file}`, 'utf8')
    .split('\0')
    .filter((word) => word !== '');

const statOf = (pid: number): Pick<Process, 'state' | 'parent' | 'startTime'> => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
};
