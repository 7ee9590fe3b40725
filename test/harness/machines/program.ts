/** Runs a program to its end, with a timeout. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Run } from '../home.ts';

export interface ProgramOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}

export const runProgram = async (argv: readonly string[], options: ProgramOptions = {}): Promise<Run> => {
  const { input = '', env = systemEnv, timeoutMs = 30_000 } = options;
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { env, cwd: '/', timeout: timeoutMs, killSignal: 'SIGKILL' });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve([code, signal]));
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, signal, stdout, stderr };
};

/** The same, for a program that must succeed. */
export const mustRun = async (argv: readonly string[], options?: ProgramOptions): Promise<string> => {
  const run = await runProgram(argv, options);
  if (run.code !== 0) throw new Error(`${argv.join(' ')} ended with ${run.code ?? run.signal}\n${run.stderr}`);
  return run.stdout;
};

/** sshd, ip and tc are in sbin, which is not on every PATH. Nothing else of the test's environment reaches a host. */
export const systemEnv: NodeJS.ProcessEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/** Prefix for a command line: the program dies with the test that started it, even if the test is killed. */
export const diesWithTest = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
