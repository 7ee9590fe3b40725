/** Runs one worker of the examined type with the hive's own code, and the fake engine as its program. */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatDevice } from '../contract/device.ts';
import { isPattern, takesMethod } from '../contract/worker-type/served-path.ts';
import type { Launch, StopContract } from '../contract/worker-type/worker-type.ts';
import type { LaunchDraft } from '../hive/workers/launch-draft.ts';
import { Worker, type WorkerData } from '../hive/workers/worker.ts';
import { RunRecords } from '../lifecycle/process/run-records.ts';
import { localRunner } from '../lifecycle/system/local-runner.ts';
import { PortPool } from '../lifecycle/system/ports.ts';
import type { TypeDescription } from '../worker-types/description.ts';
import type { WorkerTypeHandle } from '../worker-types/worker-type-handle.ts';
import { assert } from './assert.ts';
import type { PluginUnderTest } from './plugin-under-test.ts';
import { listenForReady } from './ready-socket.ts';
import { launchesOf, modelPaths } from './samples.ts';
import { fakeEngine, standInFlags } from './stand-in.ts';

export interface WorkerRunOptions {
  /** How the engine misbehaves. */
  flags?: readonly string[];
  restart?: 'never' | 'on-failure' | 'always';
  /** Milliseconds without progress; the type's own when absent. */
  progressDeadlineMs?: number;
  /** Called with every launch before its engine is started. */
  onLaunch?: (launch: Launch) => Promise<void> | void;
}

/** Grace periods are shortened: the checks are about what happens after them. */
const maxGraceMs = 300;
const timeoutMs = 20_000;

let ranges = 0;

/** Port ranges that other examinations rarely use at the same time; taken ports are skipped anyway. */
const somePorts = (): PortPool => {
  const first = 30_000 + ((process.pid * 31 + ranges++ * 20) % 25_000);
  return new PortPool(`${first}-${first + 19}`, { restMs: 0 });
};

export class WorkerRun {
  readonly folder: string;
  readonly progress: number[] = [];
  readonly launches: Launch[] = [];
  worker: Worker;
  readonly #plugin: PluginUnderTest;
  readonly #options: WorkerRunOptions;
  readonly #ports = somePorts();
  readonly #records: RunRecords;
  readonly #data: WorkerData;
  readonly #pids = new Set<number>();

  private constructor(plugin: PluginUnderTest, folder: string, options: WorkerRunOptions) {
    this.folder = folder;
    this.#plugin = plugin;
    this.#options = options;
    this.#records = new RunRecords(join(folder, 'runs'));
    this.#data = {
      spec: { type: plugin.type.name, restart: options.restart },
      draft: draftOf(plugin, folder, options),
      uid: 'life',
    };
    this.worker = this.#newWorker();
  }

  /** Runs one worker from start to end, and cleans up. */
  static async use(
    plugin: PluginUnderTest,
    options: WorkerRunOptions,
    body: (run: WorkerRun) => Promise<void>,
  ): Promise<void> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'rbee-run-')));
    const run = new WorkerRun(plugin, folder, options);
    try {
      for (const path of Object.values(run.#data.draft.models)) await putFile(path);
      const socket = await listenForReady(run.#socket, (token) => run.worker.process.callbackReady(token));
      try {
        await body(run);
      } finally {
        await run.#end();
        socket.closeAllConnections();
        socket.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
  }

  get view() {
    return this.worker.process.view;
  }

  /** Starts it and waits until it is ready. */
  async ready(): Promise<void> {
    await this.worker.process.ensureReady({
      narrate: (event) => {
        if (event.kind === 'progress') this.progress.push(event.done);
      },
    });
  }

  /**
   * Starts it, for checks that watch the start. If it fails, their waiting ends with its reason; an unhandled rejection
   * would end the whole examination.
   */
  begin(): { done: Promise<void>; until: WorkerRun['until'] } {
    const done = this.ready();
    let failed: unknown;
    done.catch((error) => {
      failed = error;
    });
    const until: WorkerRun['until'] = (look, what) =>
      this.until(() => {
        if (failed !== undefined) throw failed;
        return look();
      }, what);
    return { done, until };
  }

  /** Expects the start to fail, and returns the error. */
  async failedStart(): Promise<Error> {
    const outcome = await this.ready().then(
      () => null,
      (error: Error) => error,
    );
    assert(outcome !== null, 'it was reported as ready');
    return outcome;
  }

  /** Replaces the owner without stopping the process. True if the new owner found the process again. */
  async changeOwner(meanwhile?: () => Promise<void>): Promise<boolean> {
    await this.worker.process.close();
    await meanwhile?.();
    this.worker = this.#newWorker();
    const record = await this.#records.read(this.worker.id);
    assert(record !== null, 'there is no run record');
    return await this.worker.process.adopt(record);
  }

  /** A request as an application would send it to a path that the type serves. */
  ask(body: object = {}, signal?: AbortSignal): Promise<Response> {
    const served = this.#plugin.type.serves.find((one) => takesMethod(one, 'POST') && !isPattern(one.path));
    return this.#fetch(served?.path ?? '/', {
      method: 'POST',
      body: JSON.stringify({ model: this.#data.draft.names[0], ...body }),
      signal,
    });
  }

  /** The engine's counters. */
  async counters(): Promise<{ requests: number; cancelled: number; running: number }> {
    return (await (await this.#fetch('/counters')).json()) as { requests: number; cancelled: number; running: number };
  }

  log(): Promise<string> {
    return readFile(join(this.folder, 'logs', 'examined.log'), 'utf8').catch(() => '');
  }

  /** PID of the engine's child. */
  async childPid(): Promise<number> {
    return Number(await this.until(async () => /child pid (\d+)/.exec(await this.log())?.[1], 'a child'));
  }

  isGone = async (pid: number): Promise<boolean> => (await localRunner.identity(pid)) === null;

  /** Waits until a condition holds. */
  async until<Value>(look: () => Value | Promise<Value>, what: string): Promise<NonNullable<Value>> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const value = await look();
      if (value !== null && value !== undefined && value !== false) return value;
      assert(performance.now() < deadline, `waited in vain for ${what}`);
      await delay(10);
    }
  }

  get #socket(): string {
    return join(this.folder, 'h.sock');
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#data.draft.apiKey}`, 'content-type': 'application/json' };
    return fetch(`http://127.0.0.1:${this.view.port}${path}`, { ...init, headers });
  }

  #newWorker(): Worker {
    const worker: Worker = new Worker('examined', this.#data, {
      hive: 'examiner',
      hiveSocket: this.#socket,
      env: process.env,
      records: this.#records,
      ports: this.#ports,
      handleOf: async () => this.#handle,
      logFileOf: (id) => join(this.folder, 'logs', `${id}.log`),
      onChange: () => {
        const { pid } = worker.process.view;
        if (pid !== null) this.#pids.add(pid);
      },
    });
    return worker;
  }

  /** The type as a hive holds it, with the flags of the fake engine before its own command line. */
  get #handle(): WorkerTypeHandle {
    const { type } = this.#plugin;
    const handle: Pick<WorkerTypeHandle, 'command' | 'diagnose'> = {
      command: async (launch) => {
        this.launches.push(launch);
        await this.#options.onLaunch?.(launch);
        const command = type.command(launch);
        const flags = [...standInFlags(this.#plugin, launch), ...(this.#options.flags ?? [])];
        return { ...command, args: [...flags, '--', ...command.args] };
      },
      diagnose: async (failure) => type.diagnose?.(failure),
    };
    return handle as WorkerTypeHandle;
  }

  async #end(): Promise<void> {
    await this.worker.process.kill().catch(() => {});
    await this.worker.process.close();
    for (const pid of this.#pids) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Gone, as it should be.
      }
    }
  }
}

/** What the preflight of a hive would have decided: the first variant, on its first device. */
const draftOf = (
  { type, root = tmpdir() }: PluginUnderTest,
  folder: string,
  options: WorkerRunOptions,
): LaunchDraft => {
  const first = launchesOf(type, {}, 'first')[0];
  assert(first !== undefined, 'no variant has a source');
  const { launch } = first;
  const { progressDeadlineMs } = options;
  return {
    type: type.name,
    plugin: type.name,
    pluginRoot: root,
    pluginVersion: '0.0.0',
    variant: launch.variant,
    device: formatDevice(launch.device),
    reference: type.models ? 'file:/models/examined' : null,
    names: [...launch.names],
    models: modelPaths(type, join(folder, 'models', 'examined')),
    options: { ...launch.options },
    binary: { ...launch.binary, path: fakeEngine, argv: [process.execPath, fakeEngine] },
    deviceFlags: launch.deviceFlags,
    apiKey: launch.apiKey,
    serves: type.serves,
    health: {
      ...(type.health as TypeDescription['health']),
      ...(progressDeadlineMs === undefined ? {} : { progressDeadlineMs }),
    },
    stop: shortened(type.stop ?? { signals: [{ signal: 'SIGTERM', graceMs: 2_000 }] }),
    load: type.load ?? null,
    estimate: null,
  };
};

const shortened = (stop: StopContract): StopContract => ({
  ...stop,
  signals: stop.signals.map(({ signal, graceMs }) => ({ signal, graceMs: Math.min(graceMs, maxGraceMs) })),
});

const putFile = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '');
};
