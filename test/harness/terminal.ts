/** Runs the CLI in a terminal, for what it does only in interactive use. */
import { spawn } from 'node:child_process';
import { bin, type TestHome } from './home.ts';

export interface TerminalRun {
  code: number | null;
  /** Everything that was shown, including what was typed. */
  shown: string;
}

export interface TerminalOptions {
  /** Types `answer` and Enter when the output matches `question`. */
  question?: RegExp;
  answer?: string;
  env?: NodeJS.ProcessEnv;
}

export const atTerminal = (
  home: TestHome,
  args: readonly string[],
  { question, answer = '', env }: TerminalOptions = {},
): Promise<TerminalRun> =>
  new Promise((resolve, reject) => {
    const command = [process.execPath, bin, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: home.folder,
      env: { ...home.env, TERM: 'xterm', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    let answered = question === undefined;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (answered || !question?.test(shown)) return;
      answered = true;
      child.stdin.write(`${answer}\r`);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, shown }));
  });
