/** The processes of a storm's machines, as /proc shows them to the test. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Field } from './field.ts';
import type { Target } from './plan.ts';

export interface Process {
  /** As the test sees it. */
  pid: number;
  /** As its machine sees it. */
  inside: number;
  parent: number;
  startTime: string;
  hive: string;
  argv: readonly string[];
  /** What RBEE_RUN_NONCE and RBEE_WORKER_ID say in its environment. */
  nonce: string | null;
  worker: string | null;
}

/** All processes of the machines, except zombies and what only makes up the machine: its init. */
export const processesOf = ({ fleet }: Field): Process[] => {
  const { home, machines } = fleet;
  const network = (pid: number | 'self'): string => readlinkSync(`/proc/${pid}/ns/net`);
  const anySshd = machines.host('pi').processes({ all: true })[0]?.pid;
  const ofHost = anySshd === undefined ? '' : network(anySshd);
  const here = network('self');
  const hiveOf = (pid: number, environment: readonly string[]): string | null => {
    const where = network(pid);
    if (where === ofHost) return 'pi';
    if (where !== here || pid === process.pid) return null;
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    const isOurs = `${cwd}/`.startsWith(`${home.folder}/`) || environment.includes(`RBEE_HOME=${home.folder}`);
    return isOurs ? 'local' : null;
  };
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const argv = words(name, 'cmdline');
      const environment = words(name, 'environ');
      const pid = Number(name);
      const hive = argv.length === 0 ? null : hiveOf(pid, environment);
      if (hive === null) return [];
      const value = (variable: string): string | null =>
        environment.find((word) => word.startsWith(`${variable}=`))?.slice(variable.length + 1) ?? null;
      const inside = Number(/^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
      if (hive === 'pi' && (inside === 1 || !isInPidNamespace(name))) return [];
      const ids = { nonce: value('RBEE_RUN_NONCE'), worker: value('RBEE_WORKER_ID') };
      return [{ pid, inside, ...statOf(name), hive, argv, ...ids }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
};

/** The processes that play a part. One that has its parent's command line is a program that the parent is just starting. */
export const playersOf = (target: Target, all: readonly Process[]): Process[] => {
  const players = all.filter((process) => plays(process, target));
  const pids = new Set(players.map(({ pid }) => pid));
  return target === 'connection' ? players : players.filter(({ parent }) => !pids.has(parent));
};

/** Does a process play that part? Commands are known by their PIDs alone. */
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
      return /^sshd: ann/.test(argv[0] ?? '');
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
    return statOf(String(pid)).startTime;
  } catch {
    return null;
  }
};

const words = (pid: string, file: string): string[] =>
  readFileSync(`/proc/${pid}/${file}`, 'utf8')
    .split('\0')
    .filter((word) => word !== '');

/** The test's own helpers, such as the `unshare` that keeps the host, are in its network but not among its PIDs. */
const isInPidNamespace = (pid: string): boolean =>
  /^NSpid:\t\d+\t\d+/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

const statOf = (pid: string): { parent: number; startTime: string } => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), startTime: fields[19] ?? '' };
};
