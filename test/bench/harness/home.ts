/** A running rbee with its own home. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { WorkerSpawnInput } from '../../../core/contract/api/operations.ts';
import type { WorkerView } from '../../../core/contract/worker.ts';
import { connectQueen, type QueenClient } from '../../../core/queen/client/index.ts';
import { bin, createHome, type TestHome } from '../../harness/home.ts';
import { plainEnv, trivialPlugin } from './programs.ts';

export interface BenchHome {
  home: TestHome;
  env: NodeJS.ProcessEnv;
  /** Environment of the command line. */
  program: string;
  client: QueenClient;
  /** PID of the queen. */
  queen(): number;
  spawn(input: WorkerSpawnInput): Promise<WorkerView>;
  /** Starts this many trivial workers at once; resolves when all are ready. */
  spawnTrivial(count: number): Promise<WorkerView[]>;
  remove(workers: readonly WorkerView[]): Promise<void>;
  /** The command line and environment of a worker's current process. */
  planOf(worker: string): { argv: string[]; env: Record<string, string>; port: number };
  /** A worker as the queen shows it, over one kept-alive connection: cheap enough to poll. */
  look(worker: string): Promise<WorkerView>;
}

export interface BenchHomeOptions {
  /** Folders of plugins to link; default: the trivial one. */
  plugins?: readonly string[];
  /** Text added to rbee.conf. */
  conf?: string;
  env?: NodeJS.ProcessEnv;
}

export const startRbee = async (
  cleanup: AsyncDisposableStack,
  { plugins = [trivialPlugin], conf = '', env = {} }: BenchHomeOptions = {},
): Promise<BenchHome> => {
  const home = createHome({ plugins });
  cleanup.defer(() => home.close());
  Object.assign(home.env, env);
  // The default port range: in a small one, ports that rest after use would run out.
  writeFileSync(home.paths.rbeeConf, `[queen]\nport = 0\n${conf}`);
  const { code, stderr } = await home.rbee(['queen', 'start']);
  if (code !== 0) throw new Error(`the queen did not start\n${stderr}`);
  const client = connectQueen({ socketPath: home.paths.queenSocket });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  cleanup.defer(() => agent.destroy());
  const spawn = (input: WorkerSpawnInput) => client.runOperation('worker_spawn', input) as Promise<WorkerView>;
  return {
    home,
    env: plainEnv(home.env),
    program: bin,
    client,
    queen: () => Number(readFileSync(home.paths.queenPid, 'utf8')),
    spawn,
    spawnTrivial: (count) =>
      Promise.all(Array.from({ length: count }, () => spawn({ type: 'trivial', device: 'cpu' }))),
    remove: async (workers) => {
      await Promise.all(workers.map(({ id }) => client.runOperation('worker_delete', { worker: id, now: true })));
    },
    planOf: (worker) => JSON.parse(readFileSync(join(home.paths.runs, `${worker}.json`), 'utf8')).plan,
    look: async (worker) =>
      JSON.parse(await getBody({ agent, socketPath: home.paths.queenSocket, path: `/v1/workers/${worker}` })),
  };
};

const getBody = (options: { agent: Agent; socketPath: string; path: string }): Promise<string> =>
  new Promise((resolve, reject) => {
    const call = request(options, (response) => text(response).then(resolve, reject));
    call.once('error', reject);
    call.end();
  });
