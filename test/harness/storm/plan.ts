/** What a storm does, made from its seed alone: the faults in their order, and the requests of each client. */
import { createRandom, type Random } from './random.ts';

/**
 * Possible targets. `connection` is the sshd process that serves the queen's connection, `command` an `rbee` command.
 */
export type Target = 'queen' | 'local hive' | 'remote hive' | 'agent' | 'connection' | 'engine' | 'child' | 'command';

export interface Fault {
  /** The first of these that exists at that moment is hit. */
  targets: readonly Target[];
  /** How many requests must finish before the same daemon, agent or connection is hit again. */
  rest: number;
  signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP';
  /** Which of several: 0 up to 1. */
  which: number;
  /** What to wait for first, and how many milliseconds more. */
  after: 'the fault before' | 'a command that begins' | 'a command that ends';
  ms: number;
  /** For SIGSTOP: after how many more faults it is continued. */
  held: number;
}

export type Change = 'spawn' | 'delete' | 'stop' | 'start' | 'restart';

export interface Request {
  change: Change;
  id: string;
  /** Null: the change names only the id, whichever hive has it. */
  hive: string | null;
  now: boolean;
}

export interface StormPlan {
  seed: number;
  /** Where the local hive runs: inside the queen, or in its own process. */
  mode: 'attached-hive' | 'standalone';
  faults: readonly Fault[];
  /** An endless sequence of requests for each client. */
  requests(client: number): Generator<Request, never>;
}

export const hives = ['local', 'pi'] as const;
/** All clients change these workers, on either hive. */
export const sharedIds = ['amber', 'beryl', 'coral'] as const;

export const planStorm = (seed: number, count: number): StormPlan => {
  const random = createRandom(seed);
  const mode = seed % 3 === 0 ? 'attached-hive' : 'standalone';
  const faults = Array.from({ length: count }, () => nextFault(random));
  return { seed, mode, faults, requests: (client) => requestsFrom(createRandom(seed, client + 1)) };
};

const targets: Readonly<Record<Target, number>> = {
  queen: 18,
  'local hive': 15,
  'remote hive': 15,
  agent: 10,
  connection: 10,
  engine: 12,
  child: 10,
  command: 10,
};

const nextFault = (random: Random): Fault => ({
  targets: order(random),
  // Some daemons are hit again while they start; most get to work first, or nothing would ever happen.
  rest: random.next() < 0.2 ? 0 : 1 + random.below(4),
  signal: random.weighted({ SIGKILL: 55, SIGTERM: 20, SIGSTOP: 25 }),
  which: random.next(),
  after: random.weighted({ 'the fault before': 30, 'a command that begins': 40, 'a command that ends': 30 }),
  ms: random.below(120),
  held: 1 + random.below(4),
});

/** Commands exist all the time, so they are hit only when drawn first. */
const order = (random: Random): Target[] => {
  const first = random.weighted(targets);
  const left: Partial<Record<Target, number>> = { ...targets, command: 0, [first]: 0 };
  const drawn = [first];
  while (Object.values(left).some((weight) => weight > 0)) {
    const target = random.weighted(left as Record<Target, number>);
    left[target] = 0;
    drawn.push(target);
  }
  return drawn;
};

function* requestsFrom(random: Random): Generator<Request, never> {
  for (;;) {
    const change = random.weighted({ spawn: 42, delete: 28, restart: 12, stop: 9, start: 9 });
    const hive = random.pick(hives);
    const isNamed = random.next() < 0.7;
    yield {
      change,
      id: random.pick(sharedIds),
      hive: change === 'spawn' || isNamed ? hive : null,
      now: random.next() < 0.5,
    };
  }
}
