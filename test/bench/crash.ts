/**
 * A server is killed: how soon its manager notices, and how soon a new one answers, both seen from outside.
 *
 * rbee gives the new one another port, so late clients of the old one do not reach it. Polling the queen for that port
 * takes some of the CPU that the restart needs. pm2 restarts on the same port.
 */
import { once } from 'node:events';
import { type Bench, row } from './harness/bench.ts';
import { startRbee } from './harness/home.ts';
import { startPm2 } from './harness/pm2.ts';
import { freePorts, pidOn, poll, untilAnswer } from './harness/ports.ts';
import { endRaw, startRaw } from './harness/raw.ts';
import { interleave, samplesOf, timed } from './harness/samples.ts';

export const crash: Bench = async ({ rounds, cleanup }) => {
  const pm2 = await startPm2(cleanup);
  const rbee = await startRbee(cleanup);
  const [rawPort, pm2Port] = (await freePorts(2)) as [number, number];
  await pm2.start([pm2Port]);
  let child = startRaw(rawPort);
  cleanup.defer(() => endRaw([child], 'SIGKILL'));
  await untilAnswer([rawPort, pm2Port]);

  const noticed: number[] = [];
  const measured = await interleave(rounds * 2, {
    raw: () =>
      timed(async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
        child = startRaw(rawPort);
        await untilAnswer([rawPort]);
      }),
    pm2: async () => {
      const before = await poll(() => pidOn(pm2Port), 'the server of pm2');
      return timed(async () => {
        process.kill(before, 'SIGKILL');
        await poll(async () => ![before, null].includes(await pidOn(pm2Port)), 'a new one');
      });
    },
    // A new worker for each crash: after several crashes in a row, rbee delays the next restart on purpose.
    rbee: async () => {
      const worker = await rbee.spawn({ type: 'trivial', device: 'cpu' });
      const before = await pidOn(worker.port ?? 0);
      if (before === null) throw new Error('the worker does not answer');
      const time = await timed(async () => {
        const begun = performance.now();
        process.kill(before, 'SIGKILL');
        await poll(async () => (await rbee.look(worker.id)).pid !== before, 'the end of the worker', 1);
        noticed.push(performance.now() - begun);
        const again = await poll(async () => (await rbee.look(worker.id)).port, 'the new port');
        await untilAnswer([again]);
      });
      await rbee.remove([worker]);
      return time;
    },
  });
  const restart = { what: 'restart after a crash', unit: 'ms', value: measured.rbee } as const;
  return [
    row({ ...restart, baseline: { name: 'pm2', value: measured.pm2 }, aim: { of: 'ratio', atMost: 0.7 } }),
    row({ ...restart, baseline: { name: 'raw', value: measured.raw } }),
    row({ what: 'crash noticed', unit: 'ms', value: samplesOf(noticed), aim: { of: 'value', atMost: 50 } }),
  ];
};
