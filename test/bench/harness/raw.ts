/** The lower bound: one Node process that spawns children and does nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { plainEnv, trivialServer } from './programs.ts';

export const startRaw = (port: number): ChildProcess =>
  spawn(process.execPath, [trivialServer, String(port)], { env: plainEnv(), stdio: 'ignore' });

/** Resolves when all have ended. */
export const endRaw = async (
  children: readonly ChildProcess[],
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> => {
  const ended = children
    .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    .map((child) => once(child, 'exit'));
  for (const child of children) child.kill(signal);
  await Promise.all(ended);
};
