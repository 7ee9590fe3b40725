/** The runner of this machine. */
import { spawn } from 'node:child_process';
import { copyFile, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder, writeAtomic } from '../fs/atomic-file.ts';
import { lock } from '../fs/instance-lock.ts';
import { openLog, tail } from '../logs/logs.ts';
import { httpRequest } from './http-request.ts';
import { processTable } from './identity.ts';
import { runProgram } from './run-program.ts';
import type { Exit, Runner, SignalTarget, Spawned, SpawnOptions } from './runner.ts';

export const localRunner: Runner = {
  name: 'this machine',
  ownPid: process.pid,
  run: (argv, options) => runProgram(argv, options),
  spawnDetached: (argv, options) => spawnDetached(argv, options),
  read: (path) => orNull(readFile(path, 'utf8')),
  tail: (path, lines) => tail(path, lines),
  write: (path, data, options) => writeAtomic(path, data, options?.mode),
  writtenAt: async (path) => (await orNull(stat(path)))?.mtimeMs ?? null,
  remove: (path) => rm(path, { force: true }),
  list: async (folder) => (await orNull(readdir(folder))) ?? [],
  mkdir: (folder) => makeFolder(folder),
  upload: async (localPath, path) => {
    await makeFolder(dirname(path));
    await copyFile(localPath, path);
  },
  signal: async (target, signal) => sendSignal(target, signal),
  identity: async (pid) => (await processTable()).identity(pid),
  groupMembers: async (group) => (await processTable()).groupMembers(group),
  cpuMs: async (pids) => {
    const { cpuMs } = await processTable();
    if (cpuMs === undefined) return null;
    const spent = await Promise.all(pids.map((pid) => cpuMs(pid)));
    return spent.reduce((sum, ms) => sum + ms, 0);
  },
  isStopped: async (pid) => (await processTable()).isStopped(pid),
  findByEnvironment: async (name, value) => (await processTable()).findByEnvironment(name, value),
  environment: async (pid) => (await processTable()).environment(pid),
  describe: async (pid) => (await processTable()).describe(pid),
  request: (request) => httpRequest(request),
  lock: async (path, options) => {
    const held = await lock(path, options);
    return () => held.release();
  },
};

const spawnDetached = async ([program, ...args]: readonly string[], options: SpawnOptions): Promise<Spawned> => {
  const log = await openLog(options.logFile);
  try {
    // The fork happens inside `spawn`, so the child inherits this umask and no other code of this process runs with it.
    const umask = process.umask(0o077);
    let child: ReturnType<typeof spawn>;
    try {
      child = spawn(program ?? '', args, {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
    } finally {
      process.umask(umask);
    }
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return { pid: child.pid ?? 0, exited };
  } finally {
    await log.close();
  }
};

const sendSignal = (target: SignalTarget, signal: NodeJS.Signals): boolean => {
  const number = 'pid' in target ? target.pid : -target.group;
  // 0 would signal our own group, and -1 every process of the user.
  if (!Number.isSafeInteger(number) || Math.abs(number) <= 1) throw new RangeError(`${number} cannot be signalled`);
  try {
    return process.kill(number, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
};

/** Null for a missing file. */
const orNull = <Value>(promise: Promise<Value>): Promise<Value | null> =>
  promise.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
