/**
 * Runs a program to its end, in its own process group. The only file that imports execa, which is loaded on first use.
 */
import { delimiter, isAbsolute } from 'node:path';
import { checkProgram } from './preflight.ts';
import type { RunOptions, RunResult } from './runner.ts';

/** Milliseconds between SIGTERM and SIGKILL. */
const graceMs = 1000;

/** See `Runner.run`. */
export const runProgram = async (
  [program = '', ...args]: readonly string[],
  options: RunOptions,
): Promise<RunResult> => {
  const { signal, timeoutMs, input } = options;
  await assertThere(program, options);
  const { execa } = await import('execa');
  signal?.throwIfAborted();
  const child = execa(program, args, {
    cwd: options.cwd,
    env: options.env,
    extendEnv: false,
    input,
    stdin: input === undefined ? 'ignore' : 'pipe',
    detached: true,
    maxBuffer: 16 * 1024 * 1024,
    reject: false,
    stripFinalNewline: false,
  });
  const group = child.pid;
  if (group !== undefined) endWithUs(group);
  let ending: NodeJS.Timeout | undefined;
  const end = () => {
    send(group, 'SIGTERM');
    ending ??= setTimeout(() => {
      send(group, 'SIGKILL');
      // A process that has left the group can keep its pipes open indefinitely.
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.destroy();
    }, graceMs);
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const result = await child;
    signal?.throwIfAborted();
    const code = result.exitCode ?? null;
    const endedBy = (result.signal as NodeJS.Signals | undefined) ?? null;
    if (code === null && endedBy === null) throw result.cause ?? result;
    return { stdout: String(result.stdout), stderr: String(result.stderr), code, signal: endedBy };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    // Processes that the program started may not have received the signal.
    if (ending) send(group, 'SIGKILL');
    clearTimeout(ending);
    if (group !== undefined) running.delete(group);
  }
};

/** Leaders of groups that must not outlive this process. */
const running = new Set<number>();
let watching = false;

const endWithUs = (group: number): void => {
  running.add(group);
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const group of running) send(group, 'SIGKILL');
  });
};

const send = (group: number | undefined, signal: NodeJS.Signals): void => {
  if (group === undefined) return;
  try {
    process.kill(-group, signal);
  } catch {
    // The whole group is gone.
  }
};

/** Checked before the fork: it costs a large process milliseconds even when the system then refuses the program. */
const assertThere = async (program: string, { env, cwd = process.cwd() }: RunOptions): Promise<void> => {
  const path = env['PATH'];
  // Without a PATH, or with relative folders in it, the system searches places that this check does not.
  if (!path?.split(delimiter).every(isAbsolute)) return;
  const check = await checkProgram(program, { path, cwd });
  if (!check.ok && check.reason === 'missing') throw Object.assign(new Error(check.problem), { code: 'ENOENT' });
};
