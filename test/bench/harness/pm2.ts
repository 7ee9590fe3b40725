/** pm2 with its own home, as a baseline: a widely used process manager. */
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnv, root, timeOf, trivialServer } from './programs.ts';

const program = join(root, 'node_modules/pm2/bin/pm2');

export interface Pm2 {
  env: NodeJS.ProcessEnv;
  program: string;
  /** PID of the daemon. */
  pid: number;
  /** Runs a command to its end; returns milliseconds. */
  run(...args: string[]): Promise<number>;
  /** Runs `pm2 start` for trivial servers, from one file that lists them all. */
  start(ports: readonly number[]): Promise<number>;
}

/** Resolves when the daemon runs. */
export const startPm2 = async (cleanup: AsyncDisposableStack): Promise<Pm2> => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-bench-pm2-')));
  cleanup.defer(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const env = plainEnv({ PM2_HOME: home, PM2_DISABLE_VERSION_MSG: 'true' });
  const run = (...args: string[]) => timeOf([program, ...args], env);
  await run('ping');
  cleanup.defer(async () => void (await run('kill')));
  return {
    env,
    program,
    pid: Number(readFileSync(join(home, 'pm2.pid'), 'utf8')),
    run,
    start: (ports) => {
      const file = join(home, 'apps.json');
      writeFileSync(file, JSON.stringify({ apps: ports.map((port) => appOn(port)) }));
      return run('start', file);
    },
  };
};

const appOn = (port: number): object => ({
  name: `trivial-${port}`,
  script: trivialServer,
  args: [String(port)],
  exec_mode: 'fork',
});
