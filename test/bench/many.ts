/**
 * Twenty small HTTP servers, started until all answer and stopped until all ports are closed.
 *
 * Not quite equal: `pm2 start` and `pm2 stop` are commands, and their own start-up (about 0.2 s) counts. rbee has no
 * command for twenty workers at once, so a running client gives the queen the same jobs that commands would start.
 */
import type { ChildProcess } from 'node:child_process';
import type { WorkerView } from '../../core/contract/worker.ts';
import { type Bench, row } from './harness/bench.ts';
import { startRbee } from './harness/home.ts';
import { startPm2 } from './harness/pm2.ts';
import { freePorts, untilAnswer, untilClosed } from './harness/ports.ts';
import { endRaw, startRaw } from './harness/raw.ts';
import { interleave, timed } from './harness/samples.ts';

const count = 20;

export const many: Bench = async ({ rounds, cleanup }) => {
  const pm2 = await startPm2(cleanup);
  const rbee = await startRbee(cleanup);
  let ports: number[] = [];
  let children: ChildProcess[] = [];
  let workers: WorkerView[] = [];
  cleanup.defer(() => endRaw(children, 'SIGKILL'));

  const measured = await interleave(rounds, {
    rawStart: async () => {
      ports = await freePorts(count);
      return timed(async () => {
        children = ports.map(startRaw);
        await untilAnswer(ports);
      });
    },
    rawStop: () =>
      timed(async () => {
        await endRaw(children);
        await untilClosed(ports);
      }),
    pm2Start: async () => {
      ports = await freePorts(count);
      return timed(async () => {
        await pm2.start(ports);
        await untilAnswer(ports);
      });
    },
    pm2Stop: async () => {
      const time = await timed(async () => {
        await pm2.run('stop', 'all');
        await untilClosed(ports);
      });
      await pm2.run('delete', 'all');
      return time;
    },
    rbeeStart: () =>
      timed(async () => {
        workers = await rbee.spawnTrivial(count);
        await untilAnswer(portsOf(workers));
      }),
    rbeeStop: async () => {
      const time = await timed(async () => {
        await Promise.all(workers.map(({ id }) => rbee.client.runOperation('worker_stop', { worker: id })));
        await untilClosed(portsOf(workers));
      });
      await rbee.remove(workers);
      return time;
    },
  });
  const start = { what: `start ${count} until all answer`, unit: 'ms', value: measured.rbeeStart } as const;
  const stop = { what: `stop ${count} until all ports are closed`, unit: 'ms', value: measured.rbeeStop } as const;
  return [
    row({ ...start, baseline: { name: 'raw spawns', value: measured.rawStart }, aim: { of: 'ratio', atMost: 1.5 } }),
    row({ ...start, baseline: { name: 'pm2 start', value: measured.pm2Start }, aim: { of: 'ratio', atMost: 0.55 } }),
    row({ ...stop, baseline: { name: 'pm2 stop', value: measured.pm2Stop }, aim: { of: 'ratio', atMost: 0.15 } }),
    row({ ...stop, baseline: { name: 'raw signals', value: measured.rawStop } }),
  ];
};

const portsOf = (workers: readonly WorkerView[]): number[] => workers.map(({ port }) => port ?? 0);
