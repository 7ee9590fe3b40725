/** What the heartbeats of a thousand hives cost the queen: CPU and memory. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectQueen } from '../../core/queen/client/index.ts';
import { type Bench, row } from './harness/bench.ts';
import { poll } from './harness/ports.ts';
import { plainEnv, processorTime, residentMemory } from './harness/programs.ts';
import { endRaw } from './harness/raw.ts';
import { samplesOf } from './harness/samples.ts';

const [manyHives, workersEach] = [1_000, 10];
/** Length of one CPU measurement. */
const lookMs = 3_000;
/** Waits this long for start-up work to finish. */
const settleMs = 5_000;

export const heartbeats: Bench = async ({ rounds }) => {
  const measure = async (hives: number) => {
    await using stack = new AsyncDisposableStack();
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-bench-beats-')));
    stack.defer(() => rmSync(home, { recursive: true, force: true }));
    const env = plainEnv({ RBEE_HOME: home });
    const start = async (script: string, ...args: string[]): Promise<{ pid: number; said: string }> => {
      const child = fork(join(import.meta.dirname, script), [home, ...args], { env, execArgv: flags });
      stack.defer(() => endRaw([child]));
      const [said] = (await once(child, 'message')) as [string];
      return { pid: child.pid!, said };
    };
    await start('heartbeats-hives.ts', String(hives), String(workersEach));
    const { pid, said } = await start('heartbeats-queen.ts', String(hives));
    const client = connectQueen({ socketPath: said });
    const all = async () => (await client.get<{ workers: unknown[] }>('/v1/workers')).workers.length;
    await poll(async () => (await all()) === hives * workersEach, 'all heartbeats', 200);
    await delay(settleMs);
    const taken = { share: [] as number[], memory: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      const [begun, used] = [performance.now(), processorTime(pid)];
      await delay(lookMs);
      taken.share.push(((processorTime(pid) - used) / (performance.now() - begun)) * 100);
      taken.memory.push(residentMemory(pid));
    }
    return { share: samplesOf(taken.share), memory: samplesOf(taken.memory) };
  };
  const [one, many] = [await measure(1), await measure(manyHives)];
  const name = 'of 1 hive';
  const what = `heartbeats of ${manyHives} hives with ${workersEach} workers each`;
  return [
    row({
      what,
      unit: '% of a core',
      value: many.share,
      baseline: { name, value: one.share },
      aim: { of: 'value', atMost: 6 },
    }),
    row({ what: 'memory of that queen', unit: 'MiB', value: many.memory, baseline: { name, value: one.memory } }),
  ];
};

/** Node flags that rbee starts the queen with. */
const flags = ['--max-semi-space-size=2', '--expose-gc'];
