/** Machines over SSH, a queen that has never seen them, and the syncs that a bench measures. */
import { join } from 'node:path';
import { connectQueen, type QueenClient } from '../../../core/queen/client/index.ts';
import { createFleet, type FleetOptions, type TestFleet } from '../../harness/fleet.ts';
import { cannot } from '../../harness/machines.ts';
import { timed } from './samples.ts';

export interface BenchFleet extends TestFleet {
  client: QueenClient;
  /** Runs `rbee sync` once; returns milliseconds. Throws if it fails, or if it does not do what `does` says. */
  sync(does: 'something' | 'nothing', args?: readonly string[]): Promise<number>;
}

export interface BenchFleetOptions extends FleetOptions {
  /** Slows every cable down like this. */
  shape?: { mbit: number; delayMs: number };
  /** The hives.conf entry of one host; default: a hive with one worker that streams tokens. */
  declared?: (host: string) => string;
}

/** Resolves when the queen runs, the uploads for machines are built, and the machines are bare. */
export const startFleet = async (
  cleanup: AsyncDisposableStack,
  { shape, declared = withTicker, ...options }: BenchFleetOptions,
): Promise<BenchFleet> => {
  const reason = cannot('network');
  if (reason) throw new Error(`machines cannot be made here: ${reason}`);
  const fleet = await createFleet(options);
  cleanup.defer(() => fleet.close());
  const { home, machines } = fleet;
  fleet.declare(machines.hosts.map(({ name }) => declared(name)).join('\n'));
  if (shape) await Promise.all(machines.hosts.map((host) => host.shape(shape)));
  const { code, stderr } = await home.rbee(['queen', 'start']);
  if (code !== 0) throw new Error(`the queen did not start\n${stderr}`);
  const sync: BenchFleet['sync'] = (does, args = []) =>
    timed(async () => {
      const run = await home.rbee(['sync', ...args]);
      if (run.code !== 0) throw new Error(`rbee sync ended with ${run.code}\n${run.stdout}\n${run.stderr}`);
      if (/nothing to do/.test(run.stdout) !== (does === 'nothing')) throw new Error(`not ${does}: ${run.stdout}`);
    });
  return { ...fleet, client: connectQueen({ socketPath: home.paths.queenSocket }), sync };
};

/** Fills the cache of uploads, so that the first measured sync does not pay for it. */
export const fillCache = async (): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const { sync } = await startFleet(stack, { hosts: 1 });
  await sync('something');
};

export const withTicker = (host: string): string =>
  `[[hive]]\nalias = "${host}"\nrun = [{ type = "ticker", name = "tick-${host}", id = "tick-${host}" }]\n`;

export const currentOf = (home: string): string => join(home, '.local/share/rbee/current');
