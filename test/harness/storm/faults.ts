/** Sends the signals of a storm, each when its moment comes, to a process that exists by then. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clients } from './clients.ts';
import type { Field } from './field.ts';
import type { StormLog } from './log.ts';
import type { Fault, StormPlan, Target } from './plan.ts';
import { type Process, playersOf, processesOf, startTimeOf } from './processes.ts';

export interface Tally {
  /** Number of signals by kind of process. */
  hits: Readonly<Record<string, number>>;
}

interface Paused {
  process: Process;
  target: Target;
  until: number;
}

/** Commands come and go many times a second; without any, the storm still goes on. */
const maxWaitMs = 300;
/** How long to wait for the target that was drawn first, and for one that must rest. */
const firstMs = 300;
const maxRestMs = 5_000;
/** A fleet without any process for this long is not coming back. */
const goneMs = 60_000;

/** Whatever happens, every stopped process is continued in the end. */
export const sendFaults = async (
  field: Field,
  { faults }: StormPlan,
  clients: Clients,
  log: StormLog,
): Promise<Tally> => {
  const hits: Record<string, number> = {};
  /** Number of finished requests when each target was last hit. */
  const doneAt = new Map<Target, number>();
  const done = (): number => clients.attempts.filter(({ outcome }) => outcome === 'done').length;
  const isRested = (target: Target, rest: number): boolean => done() - (doneAt.get(target) ?? -rest) >= rest;
  let paused: Paused[] = [];
  const continueThose = (isDue: (one: Paused) => boolean): void => {
    const due = paused.filter(isDue);
    paused = paused.filter((one) => !due.includes(one));
    for (const { process, target } of due) {
      if (startTimeOf(process.pid) !== process.startTime) continue;
      log.add(`SIGCONT to ${target} ${process.pid}`);
      signal(process.pid, 'SIGCONT');
    }
  };
  try {
    for (const [nth, fault] of faults.entries()) {
      await momentOf(fault, clients);
      const { target, process } = await choose(field, fault, clients, isRested);
      const name = `${target}${target === 'engine' || target === 'child' ? ` of ${process.worker} on ${process.hive}` : ''}`;
      log.add(`fault ${nth + 1}: ${fault.signal} to ${name} ${process.pid}`);
      signal(process.pid, fault.signal);
      hits[target] = (hits[target] ?? 0) + 1;
      if (daemons.has(target)) doneAt.set(target, done());
      if (fault.signal === 'SIGSTOP') paused.push({ process, target, until: nth + fault.held });
      continueThose(({ until }) => until <= nth);
    }
    return { hits };
  } finally {
    continueThose(() => true);
  }
};

const momentOf = async ({ after, ms }: Fault, { events }: Clients): Promise<void> => {
  const event = { 'the fault before': null, 'a command that begins': 'begin', 'a command that ends': 'end' }[after];
  if (event !== null) await once(events, event, { signal: AbortSignal.timeout(maxWaitMs) }).catch(() => {});
  await delay(ms);
};

/** While no target can be hit, the fleet gets time to come back; then it is hit anyway. */
const choose = async (
  field: Field,
  { targets, which, rest }: Fault,
  clients: Clients,
  isRested: (target: Target, rest: number) => boolean,
): Promise<{ target: Target; process: Process }> => {
  for (const began = performance.now(); ; await delay(40)) {
    const waited = performance.now() - began;
    if (waited > goneMs) throw new Error('no process is left to hit: no command brings the queen back');
    const all = processesOf(field);
    const commands = clients.commands();
    for (const target of waited < firstMs ? targets.slice(0, 1) : targets) {
      if (daemons.has(target) && !isRested(target, rest) && waited < maxRestMs) continue;
      const found = target === 'command' ? all.filter(({ pid }) => commands.includes(pid)) : playersOf(target, all);
      const process = found[Math.floor(which * found.length)];
      if (process) return { target, process };
    }
  }
};

/** Targets that must come back before anything else can go on. */
const daemons: ReadonlySet<Target> = new Set(['queen', 'local hive', 'remote hive', 'agent', 'connection']);

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
};
