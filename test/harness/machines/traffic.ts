/**
 * Makes a cable slow. The kernel's token bucket at both ends limits the rate. A delay line of our own between port and
 * bridge adds the delay, since not every kernel has netem.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Namespace } from './namespace.ts';
import { ip, type Place } from './network.ts';
import { diesWithTest, mustRun, runProgram, systemEnv } from './program.ts';

export interface Shaper {
  shape(traffic: { mbit?: number; delayMs?: number }): Promise<void>;
}

export const createShaper = (place: Place, host: Namespace, own: (child: ChildProcess) => void): Shaper => {
  let line: ChildProcess | undefined;

  const removeLine = async (): Promise<void> => {
    if (!line) return;
    const ended = once(line, 'exit');
    line.kill('SIGKILL');
    await ended;
    line = undefined;
    await ip(place.near, [`link delete ${place.port}a`, `link set ${place.port} master ${place.bridge}`]);
  };

  const addLine = async (delayMs: number): Promise<void> => {
    const { near, port, bridge } = place;
    const [inner, outer] = [`${port}a`, `${port}b`];
    await ip(near, [
      `link set ${port} nomaster`,
      `link add ${inner} type veth peer name ${outer}`,
      `link set ${outer} master ${bridge}`,
      `link set ${inner} up`,
      `link set ${outer} up`,
    ]);
    const script = join(import.meta.dirname, 'delay-line.py');
    const [program, ...args] = [
      ...diesWithTest,
      ...(near?.enterNetwork ?? []),
      'python3',
      script,
      port,
      inner,
      String(delayMs / 2000),
    ];
    line = spawn(program!, args, { cwd: '/', env: systemEnv, stdio: ['ignore', 'pipe', 'inherit'] });
    own(line);
    await Promise.race([
      once(line.stdout!, 'data'),
      once(line, 'exit').then(([code]) => {
        throw new Error(`the delay line of ${port} ended with ${code}`);
      }),
    ]);
    line.unref();
  };

  const shape: Shaper['shape'] = async ({ mbit, delayMs }) => {
    await removeLine();
    const ends = [
      [...(place.near?.enterNetwork ?? []), 'tc', 'qdisc'],
      [...host.enterNetwork, 'tc', 'qdisc'],
    ] as const;
    const devices = [place.port, 'eth0'] as const;
    for (const [nth, tc] of ends.entries()) {
      const device = ['dev', devices[nth]!, 'root'];
      if (mbit)
        await mustRun([
          ...tc,
          'replace',
          ...device,
          'tbf',
          'rate',
          `${mbit}mbit`,
          'burst',
          '128kb',
          'latency',
          '300ms',
        ]);
      // Fails if there is none, which is fine.
      else await runProgram([...tc, 'delete', ...device]);
    }
    if (delayMs) await addLine(delayMs);
  };
  return { shape };
};
