/** Programs that a bench runs, and what /proc says about them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');
export const trivialPlugin = join(root, 'test/fixtures/worker-trivial');
/** The same small server for every contender. */
export const trivialServer = join(trivialPlugin, 'server.cjs');

/** Milliseconds from start to end of a Node program; throws if it fails. */
export const timeOf = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  timeOfProgram(process.execPath, args, { env });

/** The same for any program. */
export const timeOfProgram = async (
  program: string,
  args: readonly string[],
  { env, cwd }: { env: NodeJS.ProcessEnv; cwd?: string },
): Promise<number> => {
  const begun = performance.now();
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${errors}`);
  return performance.now() - begun;
};

/** Resident memory in MiB. */
export const residentMemory = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** Milliseconds of CPU time that a process has used so far. */
export const processorTime = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
};

/** Environment of a measured program, without anything of how the bench itself was started. */
export const plainEnv = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...more };
  for (const name of ['NODE_OPTIONS', 'NODE_COMPILE_CACHE', 'FORCE_COLOR', 'NODE_V8_COVERAGE']) delete env[name];
  return env;
};
