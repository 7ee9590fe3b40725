/**
 * What an SSH tunnel costs: small requests compared with requests straight to the port, a large answer compared with
 * `scp` of the same bytes.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { localRunner } from '../../core/lifecycle/system/local-runner.ts';
import { SshPool } from '../../core/ssh/pool.ts';
import { cannot, createMachines } from '../harness/machines.ts';
import { type Bench, row } from './harness/bench.ts';
import { poll } from './harness/ports.ts';
import { plainEnv, timeOfProgram } from './harness/programs.ts';
import { interleave, percentile, timed } from './harness/samples.ts';

const requests = 500;
const bytes = 256 * 1024 * 1024;
const port = 18_999;

export const tunnel: Bench = async ({ rounds, cleanup }) => {
  const reason = cannot('network');
  if (reason) throw new Error(`machines cannot be made here: ${reason}`);
  const machines = await createMachines({ hosts: 1 });
  cleanup.defer(() => machines.close());
  const [host] = machines.hosts;
  if (!host) throw new Error('no machine was made');
  // A machine sees nothing of this repository.
  copyFileSync(process.execPath, host.path('node'));
  copyFileSync(join(import.meta.dirname, 'tunnel-server.cjs'), host.path('server.cjs'));
  const { code, stderr } = await host.run(`setsid ./node server.cjs ${port} >/dev/null 2>&1 </dev/null &`);
  if (code !== 0) throw new Error(stderr);
  const env = plainEnv(machines.client.env);
  const pool = new SshPool({ env, runner: localRunner, timeoutMs: 30_000 });
  cleanup.defer(() => pool.close());
  const connection = await pool.connect({ alias: host.name, hostname: host.name });
  const through = reader(cleanup, () => connection.dialPort(port));
  const straight = reader(cleanup, async () => connect({ host: host.address, port, noDelay: true }));
  await poll(() => straight(1).catch(() => null), 'the server on the machine');

  const p50 = async (read: (size: number) => Promise<number>): Promise<number> => {
    const times: number[] = [];
    for (let sent = 0; sent < requests; sent += 1) times.push(await timed(() => read(100)));
    return percentile(times, 0.5);
  };
  const times = await interleave(rounds, { through: () => p50(through), straight: () => p50(straight) });

  writeFileSync(host.path('bulk'), Buffer.alloc(bytes, 'rbee'));
  const perSecond = (ms: number): number => bytes / 2 ** 20 / (ms / 1000);
  const copied = join(machines.client.home, 'copied');
  const copy = [
    '-q',
    '-F',
    machines.client.config,
    `${host.name}:${host.path('bulk').replace(/^\/proc\/\d+\/root/, '')}`,
  ];
  const speeds = await interleave(rounds, {
    through: async () => perSecond(await timed(() => through(bytes))),
    scp: async () => perSecond(await timeOfProgram('scp', [...copy, copied], { env })),
  });
  return [
    row({
      what: 'request through the tunnel, p50',
      unit: 'ms',
      value: times.through,
      baseline: { name: 'straight to the port', value: times.straight },
      aim: { of: 'value', atMost: times.straight.median + 0.5 },
    }),
    row({
      what: 'answer of 256 MiB through the tunnel',
      unit: 'MiB/s',
      value: speeds.through,
      baseline: { name: 'scp', value: speeds.scp },
      aim: speeds.through.median >= 100 ? { of: 'value', atLeast: 100 } : { of: 'ratio', atLeast: 0.5 },
    }),
  ];
};

/** Reads an answer of this many bytes over one kept-alive connection. */
const reader = (cleanup: AsyncDisposableStack, dial: () => Promise<Duplex>): ((size: number) => Promise<number>) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = ((_options: unknown, done: (error: Error | null, socket?: Duplex) => void) => {
    dial().then((socket) => done(null, socket), done);
  }) as never;
  cleanup.defer(() => agent.destroy());
  return (size) =>
    new Promise((resolve, reject) => {
      const call = get({ agent, host: 'worker', path: `/${size}` }, (response) => {
        let got = 0;
        response.on('data', (chunk: Buffer) => {
          got += chunk.length;
        });
        response.on('error', reject);
        response.on('end', () => (got === size ? resolve(got) : reject(new Error(`${got} of ${size} bytes came`))));
      });
      call.once('error', reject);
    });
};
