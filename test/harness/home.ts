/** A home for one test file: a temporary RBEE_HOME with the real CLI, and nothing left of either at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Paths, pathsFrom } from '../../core/config/paths.ts';
import { until } from './until.ts';

const root = resolve(import.meta.dirname, '../..');
export const bin = join(root, 'core/bin/rbee.js');
/** A worker type whose engine misbehaves on request. */
export const fakePlugin = join(root, 'test/fixtures/worker-fake');

export interface Run {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Another rbee than the one of this repository. */
  bin?: string;
}

export interface TestHome {
  folder: string;
  paths: Paths;
  env: NodeJS.ProcessEnv;
  /** Runs the CLI to its end. */
  rbee(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** Runs the CLI with `--json`, expects it to succeed, and returns its output. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read output of any shape.
  json(args: readonly string[], options?: RunOptions): Promise<any>;
  /** Starts the CLI and leaves it running. */
  start(args: readonly string[], options?: RunOptions): ChildProcess;
  /** PIDs of all processes whose working folder is in this home. */
  processes(): number[];
  /** Stops the queen, ends what is left and removes the folder; rejects if workers were left behind unexpectedly. */
  close(): Promise<void>;
}

export interface HomeOptions {
  /** Text of rbee.conf, added to what every test needs. */
  queen?: string;
  /** Folders of plugins to link. */
  plugins?: readonly string[];
}

let homes = 0;

export const createHome = ({ queen = '', plugins = [fakePlugin] }: HomeOptions = {}): TestHome => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-home-')));
  const env: NodeJS.ProcessEnv = { ...process.env, RBEE_HOME: folder, NO_COLOR: '1' };
  for (const name of ['RBEE_LLAMA_SERVER', 'FORCE_COLOR', 'NODE_OPTIONS', 'NODE_TEST_CONTEXT', 'NODE_V8_COVERAGE'])
    delete env[name];
  const paths = pathsFrom(env);
  // Each home has its own range of ports, so that test files can run side by side, below those of outgoing connections.
  const first = 20_000 + ((process.pid * 7 + homes++) % 120) * 100;
  mkdirSync(paths.config, { recursive: true });
  writeFileSync(paths.rbeeConf, `[queen]\nport = 0\n${queen}\n[hive]\nworker_ports = "${first}-${first + 99}"\n`);
  mkdirSync(paths.data, { recursive: true });
  const links = plugins.map((plugin) => ({ name: plugin, type: 'link', root: plugin }));
  writeFileSync(join(paths.data, 'package.json'), JSON.stringify({ oclif: { plugins: links } }));

  const start = (args: readonly string[], options: RunOptions = {}): ChildProcess =>
    spawn(process.execPath, [options.bin ?? bin, ...args], {
      env: { ...env, ...options.env },
      cwd: options.cwd ?? folder,
    });

  const rbee = async (args: readonly string[], options: RunOptions = {}): Promise<Run> => {
    const child = start(args, options);
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      child.once('close', (code, signal) => resolve([code, signal])),
    );
    const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
    return { code, signal, stdout, stderr };
  };

  const json: TestHome['json'] = async (args, options) => {
    const run = await rbee([...args, '--json'], options);
    if (run.code !== 0) throw new Error(`rbee ${args.join(' ')} ended with ${run.code}\n${run.stdout}\n${run.stderr}`);
    return JSON.parse(run.stdout);
  };

  const processes = (): number[] => processesIn(folder);

  const close = async (): Promise<void> => {
    // Killed again and again: a daemon may have started a worker just before its own end.
    await until(() => {
      const left = processes();
      for (const pid of left) kill(pid);
      return left.length === 0;
    });
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (paths.sockets !== paths.state && existsSync(paths.sockets)) rmSync(paths.sockets, { recursive: true });
  };

  return { folder, paths, env, rbee, json, start, processes, close };
};

/** Running processes whose working folder is in `folder`: daemons and workers of a home all work inside it. */
const processesIn = (folder: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        return cwd === folder || cwd.startsWith(`${folder}/`);
      } catch {
        return false;
      }
    })
    .map(Number);

export const kill = (pid: number, signal: NodeJS.Signals = 'SIGKILL'): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
};

/** Kills a process and waits until it is gone: right after the signal, its sockets still accept connections. */
export const killAndWait = async (pid: number): Promise<void> => {
  kill(pid);
  await until(() => !isAlive(pid), { what: `the end of process ${pid}` });
};

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
