/**
 * Ten bare machines behind slow lines become hives with a worker each: in parallel, and one after another. All of them
 * share the CPUs of this machine, so the work of each counts tenfold here.
 */
import { type Bench, row } from './harness/bench.ts';
import { fillCache, startFleet } from './harness/machines.ts';
import { samplesOf } from './harness/samples.ts';

const hosts = 10;
/** Each has a disk of its own, like a real machine; otherwise they would share this machine's. */
const machines = Array.from({ length: hosts }, (_, nth) => ({ name: `m${nth + 1}`, diskMegabytes: 500 }));
const shape = { mbit: 50, delayMs: 20 };
/** A round takes minutes and varies little. */
const maxRounds = 2;

export const syncTen: Bench = async ({ rounds }) => {
  const first = async (args: readonly string[]): Promise<number> => {
    await using stack = new AsyncDisposableStack();
    const { sync } = await startFleet(stack, { hosts: machines, shape });
    return await sync('something', args);
  };
  await fillCache();
  const [together, alone]: [number[], number[]] = [[], []];
  for (let round = 0; round < Math.min(rounds, maxRounds); round += 1) {
    together.push(await first([]));
    alone.push(await first(['--parallel', '1']));
  }
  return [
    row({
      what: `sync of ${hosts} bare hosts, each at ${shape.mbit} Mbit/s and ${shape.delayMs} ms`,
      unit: 'ms',
      value: samplesOf(together),
      baseline: { name: '--parallel 1', value: samplesOf(alone) },
      aim: { of: 'ratio', atMost: 0.167 },
    }),
  ];
};
