/** Runs an installing tool (npm, uv, pip) to its end, line by line, in a process group of its own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RbeeError } from '../contract/errors.ts';
import { until } from '../lifecycle/async/until.ts';
import { localRunner } from '../lifecycle/system/local-runner.ts';

export interface ToolRun {
  /** What is being installed, for the error. */
  what: string;
  /** Of the installation that it works for: finds the tool again after its starter was killed. */
  key: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Each line that it prints, on either stream. */
  onLine?: (line: string) => void;
  /** What to try when it fails. */
  hint: string;
}

const keyVariable = 'RBEE_INSTALLING';
/** Lines of a failed tool that are kept for people. */
const mostLines = 30;

/** Errors: INSTALL_FAILED with the tool's last words; the signal's reason when aborted. */
export const runTool = async (argv: readonly [string, ...string[]], run: ToolRun): Promise<void> => {
  run.signal.throwIfAborted();
  const lines: string[] = [];
  const fail = (problem: string, cause?: unknown) =>
    RbeeError.of('INSTALL_FAILED', { what: run.what, problem, hint: run.hint }, { lines, cause });
  const [program, ...args] = argv;
  const child = spawn(program, args, {
    cwd: run.cwd,
    env: { ...run.env, [keyVariable]: run.key },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const kill = () => child.pid !== undefined && killGroup(child.pid);
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (lines.length > mostLines) lines.shift();
        run.onLine?.(line);
      });
    }
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    }).catch((error) => {
      throw fail(`${program} cannot be started: ${(error as Error).message}`, error);
    });
    run.signal.throwIfAborted();
    if (code !== 0) throw fail(`${program} ended with ${signal ?? `exit code ${code}`}`);
  } finally {
    run.signal.removeEventListener('abort', kill);
    // What it left running would go on writing.
    kill();
  }
};

/** Kills the tools of an installation whose starter is gone. */
export const killTools = async (key: string): Promise<void> => {
  const left = async () =>
    (await localRunner.findByEnvironment(keyVariable, key)).filter(({ pid }) => pid !== process.pid);
  const found = await left();
  if (found.length === 0) return;
  for (const { group } of found) killGroup(group);
  await until(async () => (await left()).length === 0, { timeoutMs: 5_000 });
};

const killGroup = (group: number): void => {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended.
  }
};
