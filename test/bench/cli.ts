/** Commands from start to end, as a shell sees them. */
import type { Bench } from './harness/bench.ts';
import { row } from './harness/bench.ts';
import { startRbee } from './harness/home.ts';
import { startPm2 } from './harness/pm2.ts';
import { freePorts } from './harness/ports.ts';
import { plainEnv, timeOf } from './harness/programs.ts';
import { interleave } from './harness/samples.ts';

/** Both managers list this many. */
const workers = 20;

export const cli: Bench = async ({ rounds, cleanup }) => {
  const pm2 = await startPm2(cleanup);
  await pm2.start(await freePorts(workers));
  const rbee = await startRbee(cleanup);
  await rbee.spawnTrivial(workers);
  const command = (...args: string[]) => timeOf([rbee.program, ...args], rbee.env);

  // Short, so more rounds cost little and steady the median.
  const measured = await interleave(rounds * 4, {
    node: () => timeOf(['-e', '0'], plainEnv()),
    version: () => command('--version'),
    list: () => command('worker', 'list'),
    pm2List: () => timeOf([pm2.program, 'list'], pm2.env),
    // Loads oclif, asks the queen and prints a table.
    ordinary: () => command('job', 'list'),
  });
  const node = { name: 'node -e 0', value: measured.node };
  return [
    row({
      what: 'rbee --version',
      unit: 'ms',
      value: measured.version,
      baseline: node,
      aim: { of: 'ratio', atMost: 1.4 },
    }),
    row({
      what: 'rbee worker list',
      unit: 'ms',
      value: measured.list,
      baseline: node,
    }),
    row({
      what: 'rbee worker list',
      unit: 'ms',
      value: measured.list,
      baseline: { name: 'pm2 list', value: measured.pm2List },
      aim: { of: 'ratio', atMost: 0.35 },
    }),
    row({
      what: 'rbee job list (oclif)',
      unit: 'ms',
      value: measured.ordinary,
      baseline: node,
      aim: { of: 'ratio', atMost: 3 },
    }),
  ];
};
