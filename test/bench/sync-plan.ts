/** A sync of a large fleet that finds nothing to do: time and memory of reading and planning. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Bench, row } from './harness/bench.ts';
import { plainEnv, root } from './harness/programs.ts';
import { interleave, samplesOf } from './harness/samples.ts';

const hives = 500;

interface Measured {
  ms: number;
  mib: number;
}

export const syncPlan: Bench = async ({ rounds }) => {
  const measured: Record<'one' | 'many', Measured[]> = { one: [], many: [] };
  const plan = async (name: 'one' | 'many', count: number): Promise<number> => {
    const script = join(root, 'test/bench/plan-fleet.ts');
    const output = execFileSync(process.execPath, [script, String(count)], { env: plainEnv(), encoding: 'utf8' });
    const figures: Measured = JSON.parse(output);
    measured[name].push(figures);
    return figures.ms;
  };
  const ms = await interleave(rounds, { one: () => plan('one', 1), many: () => plan('many', hives) });
  const memory = (name: 'one' | 'many') => samplesOf(measured[name].map(({ mib }) => mib));
  return [
    row({
      what: `plan of ${hives} hives with ${hives * 10} workers, nothing to do`,
      unit: 'ms',
      value: ms.many,
      baseline: { name: 'of 1 hive', value: ms.one },
      aim: { of: 'value', atMost: 2_000 },
    }),
    row({
      what: 'peak memory of that',
      unit: 'MiB',
      value: memory('many'),
      baseline: { name: 'of 1 hive', value: memory('one') },
      aim: { of: 'value', atMost: 300 },
    }),
  ];
};
