/** Resident memory of idle daemons. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, row } from './harness/bench.ts';
import { startRbee } from './harness/home.ts';
import { startPm2 } from './harness/pm2.ts';
import { freePorts, untilAnswer } from './harness/ports.ts';
import { residentMemory } from './harness/programs.ts';
import { type Samples, samplesOf } from './harness/samples.ts';

const workers = 20;
/** By then, earlier work is done. */
const settleMs = 3_000;
const lookEveryMs = 500;

export const memory: Bench = async ({ rounds, cleanup }) => {
  const pm2 = await startPm2(cleanup);
  const rbee = await startRbee(cleanup);
  const measure = async (): Promise<{ rbee: Samples; pm2: Samples }> => {
    await delay(settleMs);
    const taken = { rbee: [] as number[], pm2: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      await delay(lookEveryMs);
      taken.rbee.push(residentMemory(rbee.queen()));
      taken.pm2.push(residentMemory(pm2.pid));
    }
    return { rbee: samplesOf(taken.rbee), pm2: samplesOf(taken.pm2) };
  };

  const empty = await measure();
  const ports = await freePorts(workers);
  await pm2.start(ports);
  await untilAnswer(ports);
  await rbee.spawnTrivial(workers);
  const busy = await measure();
  const aim = { of: 'value', atMost: 110 } as const;
  return [
    row({
      what: 'memory of a queen with its hive, just started',
      unit: 'MiB',
      value: empty.rbee,
      baseline: { name: 'pm2 daemon', value: empty.pm2 },
      aim,
    }),
    row({
      what: `the same with ${workers} workers`,
      unit: 'MiB',
      value: busy.rbee,
      baseline: { name: 'pm2 daemon', value: busy.pm2 },
      aim,
    }),
  ];
};
