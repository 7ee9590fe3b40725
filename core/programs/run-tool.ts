/** Runs npm, uv or pip in a separate process group and reads its output line by line. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RbeeError } from '../contract/errors.ts';
import { until } from '../lifecycle/async/until.ts';
import { localRunner } from '../lifecycle/system/local-runner.ts';

export interface ToolRun {
  /** What is installed, for the error. */
  what: string;
  /** Marks the tool with its installation, to find it again after its parent was killed. */
  key: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Called for each line of stdout and stderr. */
  onLine?: (line: string) => void;
  /** Hint for the error. */
  hint: string;
}

const keyVariable = 'RBEE_INSTALLING';
/** Last lines of a failed tool that the error shows. */
const maxLines = 30;

/** Errors: INSTALL_FAILED with the tool's last lines; the signal's reason when aborted. */
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
        if (lines.length > maxLines) lines.shift();
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
    // Child processes that it left behind would keep writing.
    kill();
  }
};

/** Kills the tools of an installation whose parent process is gone. */
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
    // It has exited already.
  }
};
