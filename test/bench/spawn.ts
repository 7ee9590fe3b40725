/**
 * The demo model from the request until it answers. `byHand` runs the command line that rbee wrote for the worker on
 * another port, and polls its health.
 */
import { type ChildProcess, spawn as spawnProcess } from 'node:child_process';
import { join } from 'node:path';
import { type Bench, row } from './harness/bench.ts';
import { type BenchHome, startRbee } from './harness/home.ts';
import { freePorts, untilAnswer } from './harness/ports.ts';
import { plainEnv, root } from './harness/programs.ts';
import { endRaw } from './harness/raw.ts';
import { interleave, timed } from './harness/samples.ts';

const input = { type: 'llamacpp', device: 'cpu', model: 'demo' };

export const spawn: Bench = async ({ rounds, cleanup }) => {
  const rbee = await startRbee(cleanup, { plugins: [join(root, 'plugins/worker-llamacpp')] });
  const first = await rbee.spawn(input);
  const plan = rbee.planOf(first.id);
  await rbee.remove([first]);
  let child: ChildProcess | undefined;
  cleanup.defer(async () => child && endRaw([child], 'SIGKILL'));

  const measured = await interleave(rounds + 2, {
    byHand: async () => {
      const [port] = (await freePorts(1)) as [number];
      const [program = '', ...args] = plan.argv.map((word) => (word === String(plan.port) ? String(port) : word));
      const time = await timed(async () => {
        child = spawnProcess(program, args, { env: plainEnv(plan.env), stdio: 'ignore' });
        await untilAnswer([port], '/health');
      });
      if (child) await endRaw([child], 'SIGKILL');
      return time;
    },
    again: () => spawnOnce(rbee),
    // Like a spawn after a long pause: the process that evaluates the plugin is gone and must be started again.
    fresh: async () => {
      await rbee.home.rbee(['queen', 'restart']);
      return spawnOnce(rbee);
    },
  });
  const baseline = { name: 'by hand', value: measured.byHand };
  return [
    row({
      what: 'spawn the demo model until ready',
      unit: 'ms',
      value: measured.again,
      baseline,
      aim: { of: 'ratio', atMost: 1.1 },
    }),
    row({
      what: 'the same, first spawn of a new queen',
      unit: 'ms',
      value: measured.fresh,
      baseline,
      aim: { of: 'ratio', atMost: 1.1 },
    }),
  ];
};

const spawnOnce = async (rbee: BenchHome): Promise<number> => {
  const begun = performance.now();
  const worker = await rbee.spawn(input);
  const time = performance.now() - begun;
  await rbee.remove([worker]);
  return time;
};
