/**
 * The life of one daemon (the queen, a hive) as seen from outside: its PID file, the process with that PID, and its
 * health check. Changes are made under a lock, so that two concurrent commands start one daemon.
 */

import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { DaemonStatus } from '../../contract/states.ts';
import { NotReadyError, waitReady } from '../process/readiness.ts';
import { cleanEnvironment } from '../system/environment.ts';
import { daemonVariable } from '../system/marks.ts';
import { checkProgram } from '../system/preflight.ts';
import { registrySettings } from '../system/registry-settings.ts';
import type { Exit, Runner, Spawned } from '../system/runner.ts';
import { terminate } from '../terminate/terminate.ts';
import { askWho, type DaemonSpec, findDaemon, isOurs } from './daemon-identity.ts';
import { readPidFile, removePidFile, writePidFile } from './pid-file.ts';

export type { DaemonSpec } from './daemon-identity.ts';

export interface DaemonOptions {
  /** Called for each operation, so that a restart uses the current configuration. */
  spec: () => DaemonSpec | Promise<DaemonSpec>;
  runner: Runner;
  /** Cleaned before it is passed to the daemon. */
  env: NodeJS.ProcessEnv;
}

export interface DaemonWait {
  signal?: AbortSignal;
  narrate?: Narrate;
}

const stopGraceMs = 10_000;
const readyTimeoutMs = 30_000;
const lastLines = 20;

export class Daemon {
  readonly #options: DaemonOptions;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** Never changes anything. Throws PID_FILE_INVALID when the PID file cannot be read. */
  async status(): Promise<DaemonStatus> {
    return await this.#status(await this.#options.spec());
  }

  /** Starts it unless it is running, without waiting for it to become ready. */
  async spawn(options: DaemonWait = {}): Promise<{ pid: number; started: boolean }> {
    const spec = await this.#options.spec();
    return await this.#locked(spec, options, async () => {
      await this.#warnIfGarbled(spec, options);
      const { pid, spawned } = await this.#spawnUnlessThere(spec);
      return { pid, started: spawned };
    });
  }

  /** Resolves when its health check answers. Throws TIMEOUT, START_FAILED. */
  async waitReady(options: DaemonWait = {}): Promise<{ pid: number }> {
    const spec = await this.#options.spec();
    return { pid: await this.#waitReady(spec, new Promise(() => {}), options) };
  }

  /**
   * Makes sure that it runs and answers; `started` says whether it had to be started. Safe to call from several
   * processes.
   */
  async ensureRunning(options: DaemonWait = {}): Promise<{ pid: number; started: boolean }> {
    const spec = await this.#options.spec();
    const { pid } = await askWho(this.#options.runner, spec, options.signal);
    if (pid !== null) return { pid, started: false };
    return await this.#locked(spec, options, () => this.#ensureRunning(spec, options));
  }

  /** Ends it and its group. False when it was not running. */
  async stop(options: DaemonWait = {}): Promise<boolean> {
    const spec = await this.#options.spec();
    const signals = [{ signal: 'SIGTERM', graceMs: spec.stopGraceMs ?? stopGraceMs } as const];
    return await this.#locked(spec, options, () => this.#end(spec, signals, options));
  }

  /** SIGKILL to its group. */
  async kill(options: DaemonWait = {}): Promise<boolean> {
    const spec = await this.#options.spec();
    return await this.#locked(spec, options, () => this.#end(spec, [], options));
  }

  /** Stops the running daemon, then starts it from the current specification. */
  async restart(options: DaemonWait = {}): Promise<{ pid: number; started: boolean }> {
    await this.stop(options);
    return await this.ensureRunning(options);
  }

  /** Rewrites a lost or wrong PID file of a daemon that answers. Null when none answers. */
  async adopt(options: DaemonWait = {}): Promise<number | null> {
    const spec = await this.#options.spec();
    const { pid } = await askWho(this.#options.runner, spec, options.signal);
    if (pid === null) return null;
    const written = await readPidFile(this.#options.runner, spec.pidFile).catch(() => null);
    if (written !== pid) await writePidFile(this.#options.runner, spec.pidFile, pid);
    return pid;
  }

  /** Removes a PID file whose process is gone or is not the daemon. Returns whether there was one. */
  async cleanStale(options: DaemonWait = {}): Promise<boolean> {
    const spec = await this.#options.spec();
    return await this.#locked(spec, options, async () => {
      const status = await this.#status(spec);
      if (status.status === 'stale') await removePidFile(this.#options.runner, spec.pidFile, status.pid);
      return status.status === 'stale';
    });
  }

  async #status(spec: DaemonSpec): Promise<DaemonStatus> {
    const { runner } = this.#options;
    const answering = await askWho(runner, spec);
    if (answering.pid !== null) return { status: 'running', pid: answering.pid };
    const named = await readPidFile(runner, spec.pidFile);
    const pid = named === 'garbled' ? await findDaemon(runner, spec) : named;
    if (pid === null) return { status: 'stopped' };
    if (named !== 'garbled' && !(await isOurs(runner, spec, pid))) return { status: 'stale', pid };
    return { status: 'failed', reason: `it runs (pid ${pid}) and does not answer: ${answering.problem}` };
  }

  async #ensureRunning(spec: DaemonSpec, options: DaemonWait): Promise<{ pid: number; started: boolean }> {
    options.narrate?.({ kind: 'step', id: `start ${spec.name}`, text: `starting ${spec.name}` });
    await this.#warnIfGarbled(spec, options);
    await this.#waitForSilent(spec, options);
    const { pid, spawned, exited } = await this.#spawnUnlessThere(spec);
    const watching = new AbortController();
    // On another machine, nothing reports its end.
    const ended = !spawned
      ? new Promise<Exit>(() => {})
      : (exited ?? untilGone(this.#options.runner, pid, watching.signal));
    const answering = await this.#waitReady(spec, ended, options).finally(() => watching.abort());
    // A daemon that was started by hand in the meantime may hold the daemon's own lock.
    if (answering !== pid) await writePidFile(this.#options.runner, spec.pidFile, answering);
    options.narrate?.({ kind: 'done', id: `start ${spec.name}`, text: `${spec.name} is running (pid ${answering})` });
    return { pid: answering, started: spawned && answering === pid };
  }

  /** A daemon that runs without answering is either starting or stopping: waits until it is clear which. */
  async #waitForSilent(spec: DaemonSpec, options: DaemonWait): Promise<void> {
    if ((await this.#status(spec)).status !== 'failed') return;
    const pid = await this.#silentPid(spec);
    if (pid !== null) await this.#waitFor(pid, spec, options);
  }

  /** Waits until that process answers or has ended. Throws TIMEOUT, CANCELLED. */
  async #waitFor(pid: number, spec: DaemonSpec, options: DaemonWait): Promise<void> {
    const known = new AbortController();
    try {
      await this.#poll(spec, untilGone(this.#options.runner, pid, known.signal), options);
    } catch (error) {
      if (!(error instanceof NotReadyError)) throw error;
    } finally {
      known.abort();
    }
  }

  async #spawnUnlessThere(spec: DaemonSpec): Promise<Spawned & { spawned: boolean }> {
    const { runner } = this.#options;
    const status = await this.#status(spec);
    if (status.status === 'running') return { pid: status.pid, spawned: false };
    const silent = status.status === 'failed' ? await this.#silentPid(spec) : null;
    if (silent !== null) return { pid: silent, spawned: false };
    const started = await this.#spawn(spec);
    await writePidFile(runner, spec.pidFile, started.pid);
    return { ...started, spawned: true };
  }

  async #spawn(spec: DaemonSpec): Promise<Spawned> {
    const { runner, env: own } = this.#options;
    const env = cleanEnvironment(own, { ...spec.env, [daemonVariable]: spec.pidFile }, registrySettings(own));
    try {
      return await runner.spawnDetached(spec.argv, { env, cwd: spec.cwd, logFile: spec.logFile });
    } catch (error) {
      if (error instanceof RbeeError) throw error;
      const program = await checkProgram(spec.argv[0] ?? '', { path: env['PATH'], cwd: spec.cwd });
      const problem = program.ok ? String((error as Error).message) : program.problem;
      const hint = program.ok ? `look at ${spec.logFile}` : program.hint;
      throw RbeeError.of('START_FAILED', { name: spec.name, problem, hint }, { cause: error });
    }
  }

  /** PID of the daemon that answers. */
  async #waitReady(spec: DaemonSpec, exited: Promise<Exit>, options: DaemonWait): Promise<number> {
    try {
      await this.#poll(spec, exited, options);
    } catch (error) {
      if (error instanceof NotReadyError) return await this.#ended(spec, error, options);
      throw error;
    }
    const answering = await askWho(this.#options.runner, spec, options.signal);
    if (answering.pid !== null) return answering.pid;
    const { problem } = answering;
    throw RbeeError.of('START_FAILED', { name: spec.name, problem, hint: `look at ${spec.logFile}` });
  }

  /** Waits until its health check answers. Throws NotReadyError when the process ends first, TIMEOUT, CANCELLED. */
  async #poll(spec: DaemonSpec, exited: Promise<Exit>, { signal }: DaemonWait): Promise<void> {
    const { runner } = this.#options;
    const limitMs = spec.readyTimeoutMs ?? readyTimeoutMs;
    const limit = AbortSignal.timeout(limitMs);
    try {
      await waitReady({
        ready: { mode: 'poll', url: spec.healthUrl, socketPath: spec.socketPath },
        exited,
        progressDeadlineMs: limitMs * 2,
        request: (request) => runner.request(request),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (error) {
      if (error instanceof NotReadyError) throw error;
      if (signal?.aborted) throw RbeeError.of('CANCELLED', { what: `the start of ${spec.name}` });
      if (!limit.aborted) throw error;
      const details = {
        what: `the start of ${spec.name}`,
        limit: `${limitMs / 1000} s`,
        hint: `look at ${spec.logFile}`,
      };
      throw RbeeError.of('TIMEOUT', details, { lines: await runner.tail(spec.logFile, lastLines) });
    }
  }

  /** Our process ended early, perhaps because another one, started at the same time, was first. */
  async #ended(spec: DaemonSpec, error: NotReadyError, options: DaemonWait): Promise<number> {
    const { runner } = this.#options;
    // The other one may still be starting: it takes its lock long before it answers.
    const other = await findDaemon(runner, spec);
    if (other !== null) await this.#waitFor(other, spec, options);
    for (let look = 0; look < 10; look += 1) {
      const { pid } = await askWho(runner, spec);
      if (pid !== null) return pid;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const exit = error.reason.kind === 'exited' ? error.reason.exit : null;
    const problem = exit?.signal
      ? `it was ended by ${exit.signal}`
      : `it ended with exit code ${exit?.code ?? 'unknown'}`;
    const written = await readPidFile(runner, spec.pidFile).catch(() => null);
    if (typeof written === 'number' && (await runner.identity(written)) === null) await runner.remove(spec.pidFile);
    const lines = await runner.tail(spec.logFile, lastLines);
    throw RbeeError.of(
      'START_FAILED',
      { name: spec.name, problem, hint: `look at ${spec.logFile}` },
      { lines, cause: error },
    );
  }

  /** PID of a daemon that runs without answering. */
  async #silentPid(spec: DaemonSpec): Promise<number | null> {
    const named = await readPidFile(this.#options.runner, spec.pidFile);
    return named === 'garbled' ? await findDaemon(this.#options.runner, spec) : named;
  }

  /** The next step rewrites the file: the daemon is found in other ways. */
  async #warnIfGarbled({ pidFile }: DaemonSpec, { narrate }: DaemonWait): Promise<void> {
    if ((await readPidFile(this.#options.runner, pidFile)) !== 'garbled') return;
    narrate?.({ kind: 'warning', text: `${pidFile} held no process id; it is replaced` });
  }

  async #end(
    spec: DaemonSpec,
    signals: { signal: 'SIGTERM'; graceMs: number }[],
    options: DaemonWait,
  ): Promise<boolean> {
    const { runner } = this.#options;
    await this.#warnIfGarbled(spec, options);
    const status = await this.#status(spec);
    // It may be running although its file is lost.
    const lost = status.status === 'stopped' ? await findDaemon(runner, spec) : null;
    if ((status.status === 'stopped' && lost === null) || status.status === 'stale') {
      await removePidFile(runner, spec.pidFile, status.status === 'stale' ? status.pid : 0);
      return false;
    }
    const named = await readPidFile(runner, spec.pidFile).catch(() => null);
    const written = lost ?? (typeof named === 'number' ? named : await findDaemon(runner, spec));
    const pid = status.status === 'running' ? status.pid : written;
    const identity = pid === null ? null : await runner.identity(pid);
    // Any program can answer on a TCP port, so a PID reported there is not trusted alone.
    if (pid === null || identity === null || (pid !== written && spec.socketPath === undefined)) {
      throw RbeeError.of('PROCESS_NOT_FOUND', { pid: pid ?? 'unknown', name: spec.name });
    }
    await terminate(runner, identity, { name: spec.name, signals });
    await removePidFile(runner, spec.pidFile, pid);
    return true;
  }

  async #locked<Result>(spec: DaemonSpec, { signal }: DaemonWait, work: () => Promise<Result>): Promise<Result> {
    const timeoutMs = (spec.readyTimeoutMs ?? readyTimeoutMs) + (spec.stopGraceMs ?? stopGraceMs) + 10_000;
    const release = await this.#options.runner.lock(`${spec.pidFile}.lock`, { timeoutMs, signal });
    try {
      return await work();
    } finally {
      release();
    }
  }
}

const goneMs = 50;

/** Resolves when a process that is not our child has ended; stays pending when the signal aborts first. */
const untilGone = async (runner: Runner, pid: number, signal: AbortSignal): Promise<Exit> => {
  while (!signal.aborted) {
    // A failed connection does not mean that the process is broken.
    if ((await runner.identity(pid).catch(() => undefined)) === null) return { code: null, signal: null };
    await new Promise((resolve) => setTimeout(resolve, goneMs));
  }
  return new Promise(() => {});
};
