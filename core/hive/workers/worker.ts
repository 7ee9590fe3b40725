/** One worker: its spec, the decisions for its launch, and the process that the lifecycle owns for it. */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import { parseDevice } from '../../contract/device.ts';
import { RbeeError } from '../../contract/errors.ts';
import { referencedSecret, secretReference, secretsOf } from '../../contract/secret-reference.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { Command } from '../../contract/worker-type/worker-type.ts';
import { ManagedProcess, type PlanContext } from '../../lifecycle/process/managed-process.ts';
import type { ProcessPlan, ReadySpec, RunRecord } from '../../lifecycle/process/process-plan.ts';
import type { RunRecords } from '../../lifecycle/process/run-records.ts';
import type { PortPool } from '../../lifecycle/system/ports.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { LaunchDraft } from './launch-draft.ts';
import { type EngineLoad, readLoad } from './load.ts';
import type { WorkerSecrets } from './worker-secrets.ts';

/** What a run record keeps about a worker. */
export interface WorkerData {
  spec: WorkerSpec;
  draft: LaunchDraft;
  /** Identifies this worker: a later one with the same id has another uid. */
  uid: string;
}

export interface PrepareAgain {
  narrate: Narrate;
  signal: AbortSignal;
  promised: ReadonlyMap<string, number>;
  /** For an existing worker, what it was last started from. */
  was?: LaunchDraft;
}

export interface WorkerContext {
  hive: string;
  /** Socket where a worker reports that it is ready. */
  hiveSocket: string;
  env: NodeJS.ProcessEnv;
  /** State folder of this hive; absent outside a hive. */
  state?: string;
  records: RunRecords;
  ports: PortPool;
  /** Decides the launch again. When absent, the previous decisions are used. */
  prepare?: (spec: WorkerSpec, context: PrepareAgain) => Promise<LaunchDraft>;
  /** The type from the worker's own plugin version. */
  handleOf: (draft: LaunchDraft) => Promise<WorkerTypeHandle>;
  logFileOf: (id: string) => string;
  onChange: () => void;
  /** Absent where workers have no secrets. */
  secrets?: WorkerSecrets;
}

/** Milliseconds without progress before a start is abandoned, unless the type sets its own limit. */
const progressDeadlineMs = 300_000;
const host = '127.0.0.1';

export class Worker {
  readonly id: string;
  readonly process: ManagedProcess;
  readonly #data: WorkerData;
  readonly #context: WorkerContext;
  #load: EngineLoad | null = null;

  constructor(id: string, data: WorkerData, context: WorkerContext, narrate?: Narrate) {
    this.id = id;
    this.#data = data;
    this.#context = context;
    const { spec } = data;
    this.process = new ManagedProcess({
      id,
      records: context.records,
      ...(context.state !== undefined && { state: context.state }),
      logFile: context.logFileOf(id),
      policy: spec.restart ?? 'on-failure',
      // Evaluated when needed: a later start may use another version of the type.
      get stop() {
        return data.draft.stop;
      },
      limits: { memoryBytes: spec.memoryLimit, cpus: spec.cpuLimit },
      data,
      env: context.env,
      plan: (plan) => this.#plan(plan),
      ...(context.secrets && {
        resolveEnv: (env) => context.secrets!.resolve(env, this.spec),
        redact: (text) => context.secrets!.redactor.text(text),
        scrub: async (logFile) => {
          if (secretsOf(data.spec).length > 0) await context.secrets!.scrub(logFile);
        },
      }),
      diagnose: async (failure) => {
        const handle = await context.handleOf(this.draft);
        return handle.diagnose({ ...failure, binary: { id: this.draft.binary.id } });
      },
      onChange: context.onChange,
      onPortFree: (port) => context.ports.release(port),
      busy: () => (this.#load?.running ?? 0) > 0,
      drain: (options) => this.#drained(options.signal),
      ...(narrate ? { narrate } : {}),
    });
  }

  get uid(): string {
    return this.#data.uid;
  }

  get spec(): WorkerSpec {
    return this.#data.spec;
  }

  get draft(): LaunchDraft {
    return this.#data.draft;
  }

  /** Takes new decisions: an explicit start uses the current plugin, program and model. */
  redraft(draft: LaunchDraft): void {
    this.#data.draft = { ...draft, apiKey: this.#data.draft.apiKey };
  }

  /** Whether this process already holds the device memory that its estimate reserves. */
  get promised(): { device: string; bytes: number } | null {
    const { estimate, device } = this.draft;
    const state = this.process.view.state;
    if (!estimate || (state !== 'starting' && state !== 'loading')) return null;
    return { device, bytes: device === 'cpu' ? estimate.ram : estimate.vram };
  }

  /** Asks the engine how busy it is. Returns whether that changed. */
  async measureLoad(signal: AbortSignal): Promise<boolean> {
    const { load, apiKey } = this.draft;
    const { state, port } = this.process.view;
    const before = JSON.stringify(this.#load);
    this.#load =
      load && state === 'ready' && port !== null ? await readLoad({ load, host, port, apiKey, signal }) : null;
    return JSON.stringify(this.#load) !== before;
  }

  view(): HiveWorker {
    const { draft } = this;
    const data = this.#data;
    const view = this.process.view;
    const times = { started: Date.parse(view.startedAt ?? ''), ready: Date.parse(view.readyAt ?? '') };
    return {
      id: this.id,
      uid: data.uid,
      type: draft.type,
      variant: draft.variant,
      device: draft.device,
      model: draft.names[0] ?? null,
      names: draft.names,
      reference: draft.reference,
      state: view.state,
      progress: view.progress,
      pid: view.pid,
      port: view.port,
      hive: this.#context.hive,
      engine: draft.binary.id,
      plugin: draft.plugin,
      pluginVersion: draft.pluginVersion,
      startedAt: view.startedAt,
      readyAt: view.readyAt,
      readyMs: Number.isNaN(times.started) || Number.isNaN(times.ready) ? null : times.ready - times.started,
      restarts: view.restarts,
      kills: view.kills,
      running: this.#load?.running ?? null,
      waiting: this.#load?.waiting ?? null,
      failure: view.failure && { ...view.failure, log: [...view.failure.log] },
      ...(draft.slots !== undefined && { slots: draft.slots }),
      ...(draft.abilities && { abilities: draft.abilities as HiveWorker['abilities'] }),
      options: data.draft.options,
      givenOptions: Object.keys(data.spec.options ?? {}),
      declaration: data.spec.declaration ?? null,
      logFile: this.#context.logFileOf(this.id),
      apiKey: draft.apiKey,
      serves: draft.serves,
      ...(draft.unserved && { unserved: draft.unserved }),
      closesOnlyWhenIdle: draft.stop.closesOnlyWhenIdle ?? false,
      spec: data.spec,
      suspect: view.suspect,
    };
  }

  async #plan({ readyToken, takenPorts, signal }: PlanContext): Promise<ProcessPlan> {
    const context = this.#context;
    const handle = await this.#handle(signal);
    const { draft } = this;
    const port = await context.ports.take({ except: takenPorts, signal });
    try {
      const command = await handle.command({
        id: this.id,
        variant: draft.variant,
        device: parseDevice(draft.device),
        deviceFlags: draft.deviceFlags,
        binary: draft.binary,
        models: draft.models,
        names: draft.names,
        options: draft.options,
        ...this.#secretFiles(),
        ...(draft.probes && { probes: draft.probes }),
        host,
        port,
        apiKey: draft.apiKey,
      });
      refuseSecretArguments(command, this.spec, draft);
      const base = `http://${host}:${port}`;
      const headers = { authorization: `Bearer ${draft.apiKey}` };
      const { health } = draft;
      const live = health.live?.path ?? (health.ready.mode === 'poll' ? health.ready.path : undefined);
      return {
        argv: [...programOf(draft), ...command.args],
        env: {
          ...draft.environment,
          ...draft.deviceFlags.env,
          ...command.env,
          RBEE_API_KEY: draft.apiKey,
          ...(health.ready.mode === 'callback' ? this.#callbackEnv(readyToken) : {}),
        },
        cwd: command.cwd ?? dirname(context.logFileOf(this.id)),
        port,
        ready: readySpec(health, base, headers),
        ...restSpec(draft, base, headers),
        progressDeadlineMs: health.progressDeadlineMs ?? progressDeadlineMs,
        ...(health.progressPattern === undefined ? {} : { progressPattern: health.progressPattern }),
        ...(live === undefined
          ? {}
          : {
              live: {
                url: base + live,
                headers,
                ...(health.deep ? { deep: { url: base + health.deep.path, body: health.deep.body } } : {}),
              },
            }),
      };
    } catch (error) {
      context.ports.release(port);
      throw error;
    }
  }

  /** Changed code of a linked plugin must not be called with decisions of its earlier version. */
  async #handle(signal: AbortSignal): Promise<WorkerTypeHandle> {
    const { handleOf, prepare } = this.#context;
    const was = this.draft;
    const handle = await handleOf(was);
    if (handle.looks === was.pluginLooks || !prepare) return handle;
    this.redraft(await prepare(this.spec, { narrate: () => {}, signal, promised: new Map(), was }));
    return handleOf(this.draft);
  }

  /** For engines that read a secret from a file. */
  #secretFiles(): { secretFiles?: Record<string, string> } {
    const { secrets } = this.#context;
    const given = Object.entries(this.draft.options).flatMap(([option, value]): [string, string][] => {
      const name = referencedSecret(value);
      return secrets && name !== undefined ? [[option, secrets.fileOf(name)]] : [];
    });
    return given.length === 0 ? {} : { secretFiles: Object.fromEntries(given) };
  }

  #callbackEnv(token: string): Record<string, string> {
    return {
      RBEE_READY_SOCKET: this.#context.hiveSocket,
      RBEE_READY_PATH: `/v1/workers/${this.id}/ready`,
      RBEE_READY_TOKEN: token,
    };
  }

  /** Resolves when the engine reports no running or waiting request, or does not report at all. */
  async #drained(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.measureLoad(signal);
      if ((this.#load?.running ?? 0) + (this.#load?.waiting ?? 0) === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/**
 * Every user of the machine can read arguments, and the engine would take the name for the value. Throws PLUGIN_FAILED.
 */
const refuseSecretArguments = ({ args }: Command, spec: WorkerSpec, { plugin }: LaunchDraft): void => {
  for (const reference of secretsOf(spec).map(secretReference)) {
    if (!args.some((arg) => arg.includes(reference))) continue;
    const problem = `it puts ${reference} among the arguments; a secret is passed by env or secretFiles`;
    throw RbeeError.of('PLUGIN_FAILED', { plugin, member: 'command', problem });
  }
};

/** The command to start: the engine's program, or the wrapper around it. */
const programOf = ({ adapter, binary }: LaunchDraft): readonly string[] =>
  adapter === undefined ? binary.argv : [process.execPath, adapter];

/** A worker from its run record; null when the record does not describe a worker. */
export const workerData = (record: RunRecord): WorkerData | null => {
  if (!Check(keptShape, record.data)) return null;
  const data = record.data as unknown as Omit<WorkerData, 'uid'> & { uid?: string };
  // Records of older builds have none.
  return { ...data, uid: data.uid ?? randomUUID() };
};

/** Without these a worker can be neither shown nor started; all other data of other versions is kept. */
const keptShape = Type.Object({
  spec: Type.Object({ type: Type.String() }),
  draft: Type.Object({
    type: Type.String(),
    plugin: Type.String(),
    pluginRoot: Type.String(),
    pluginVersion: Type.String(),
    variant: Type.String(),
    device: Type.String(),
    names: Type.Array(Type.String(), { minItems: 1 }),
    models: Type.Record(Type.String(), Type.String()),
    options: Type.Record(Type.String(), Type.Unknown()),
    binary: Type.Object({ id: Type.String(), argv: Type.Array(Type.String()) }),
    apiKey: Type.String(),
    serves: Type.Array(Type.Object({ path: Type.String(), kind: Type.String() })),
    health: Type.Object({ ready: Type.Object({ mode: Type.String() }) }),
    stop: Type.Object({ signals: Type.Array(Type.Object({ signal: Type.String(), graceMs: Type.Number() })) }),
  }),
});

const readySpec = (health: LaunchDraft['health'], base: string, headers: Record<string, string>): ReadySpec => {
  if (health.ready.mode !== 'poll') return health.ready;
  return {
    mode: 'poll',
    url: base + health.ready.path,
    headers,
    loadingStatus: health.loadingStatus ?? [503],
    ...(health.failedStatus ? { failedStatus: health.failedStatus } : {}),
  };
};

/** How to put it to sleep and wake it, if its type and options allow it. */
const restSpec = ({ stop, options }: LaunchDraft, base: string, headers: Record<string, string>) => {
  const { sleep, wake } = stop;
  if (!sleep || !wake || (sleep.option !== undefined && options[sleep.option] !== true)) return {};
  const request = ({ method, path }: { method: 'POST'; path: string }) => ({ method, url: base + path, headers });
  return { rest: { sleep: request(sleep), wake: request(wake) } };
};
