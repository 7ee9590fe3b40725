/** Changes a limit of a running process, with util-linux. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const prlimit = async (pid: number, resource: 'nofile', soft: number): Promise<void> => {
  await run('prlimit', ['--pid', String(pid), `--${resource}=${soft}:`]);
};
