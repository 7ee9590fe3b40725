/** For tests of the queen: simulated hives, and the gateway's test helpers. */
import { Readable } from 'node:stream';
import type { Heartbeat, HiveState, HiveWorker } from '../contract/api/hive-api.ts';
import { RbeeError } from '../contract/errors.ts';
import type { WorkerSpec } from '../contract/worker.ts';
import { workerWith } from '../gateway/testing.ts';
import type { HiveClient, HiveConnection } from './fleet/hive-connection.ts';

export { listening, type TestServer, until, workerWith } from '../gateway/testing.ts';

export interface SimulatedHive extends HiveConnection {
  /** Its state. Call `tell` after changing it. */
  workers: HiveWorker[];
  /** Sends its state now. */
  tell(): void;
  /** Breaks the heartbeats and refuses new ones, or accepts them again. */
  cut(broken: boolean): void;
  /** Calls to it, oldest first. */
  calls: string[];
  /** Performs a spawn. Default: adds a ready worker. */
  onSpawn: (spec: WorkerSpec, signal?: AbortSignal) => Promise<HiveWorker>;
  /** A wake waits for this, and fails if it rejects. Default: ready at once. */
  onWake: (id: string) => Promise<void>;
  /** How often a wake was requested. */
  wakes: number;
  /** Like `onWake`, for a sleep. */
  onSleep: (id: string) => Promise<void>;
}

/** A hive in memory that behaves like a real one behind its client. */
export const simulatedHive = (alias = 'local', workers: HiveWorker[] = []): SimulatedHive => {
  let revision = 0;
  let broken = false;
  const listeners = new Set<(beat: Heartbeat | null) => void>();
  const state = (): HiveState => ({
    machineId: `machine-${alias}`,
    hostname: alias,
    version: '0.1.0',
    pid: process.pid,
    instance: `instance-${alias}`,
    startedAt: '2026-01-01T00:00:00.000Z',
    devices: [],
    memory: { total: 1, available: 1 },
    cpu: { model: 'simulated', cores: 1 },
    catalog: [
      {
        type: 'fake',
        aliases: [],
        plugin: '@rbee/worker-fake',
        version: '0.1.0',
        summary: 'a fake',
        serves: ['/v1/chat/completions'],
        variants: ['cpu'],
        installed: ['cpu'],
        source: 'development',
      },
    ],
    workers: hive.workers,
  });
  const beatNow = (): Heartbeat => ({ kind: 'state', revision, state: structuredClone(state()) });
  const change = (id: string, call: string, over: Partial<HiveWorker>): HiveWorker => {
    hive.calls.push(`${call} ${id}`);
    const worker = hive.workers.find((one) => one.id === id);
    if (!worker) throw RbeeError.of('WORKER_NOT_FOUND', { worker: id, near: '' });
    Object.assign(worker, over);
    hive.tell();
    return structuredClone(worker);
  };
  const client: HiveClient = {
    health: async () => {
      const { version, pid, instance, startedAt } = state();
      return { status: 'ok', name: 'hive', version, pid, instance, startedAt };
    },
    state: async () => state(),
    heartbeats: async ({ signal, onBeat }) => {
      if (broken) throw RbeeError.of('HIVE_UNREACHABLE', { hive: alias, problem: 'it is not running' });
      // As over a socket, the first heartbeat comes later.
      await null;
      await new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        const tick = setInterval(() => onBeat({ kind: 'tick', revision }), 1_000).unref();
        const listener = (beat: Heartbeat | null) => {
          if (beat) return onBeat(beat);
          clearInterval(tick);
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
        signal.addEventListener('abort', () => listener(null), { once: true });
        onBeat(beatNow());
      });
    },
    models: async () => {
      throw RbeeError.of('HIVE_UNREACHABLE', { hive: alias, problem: 'it has no models' });
    },
    modelList: async () => ({ models: [] }),
    modelGet: async (model) => {
      throw RbeeError.of('MODEL_NOT_DOWNLOADED', { model, hive: alias, near: '', reference: model });
    },
    devices: async () => ({
      devices: [],
      host: { platform: { os: 'linux', cpu: 'x64' }, cpu: state().cpu, memory: state().memory } as never,
      notes: [],
    }),
    refreshCatalog: async () => [...state().catalog],
    needs: async () => null,
    spawn: (spec, { signal, narrate } = {}) => {
      hive.calls.push(`spawn ${spec.type} ${spec.model ?? ''}`.trim());
      narrate?.({ kind: 'step', id: 'start', text: `starting ${spec.type}`, on: `hive ${alias}` });
      return hive.onSpawn(spec, signal);
    },
    start: async (id) => change(id, 'start', { state: 'ready' }),
    stop: async (id) => change(id, 'stop', { state: 'stopped', pid: null, port: null }),
    restart: async (id) => change(id, 'restart', { state: 'ready' }),
    sleep: async (id) => {
      await hive.onSleep(id);
      return change(id, 'sleep', { state: 'sleeping' });
    },
    wake: async (id) => {
      hive.wakes += 1;
      await hive.onWake(id);
      return change(id, 'wake', { state: 'ready' });
    },
    delete: async (id) => {
      const worker = change(id, 'delete', { state: 'stopped' });
      hive.workers = hive.workers.filter((one) => one.id !== id);
      hive.tell();
      return worker;
    },
    plugins: async () => {
      throw RbeeError.of('HIVE_UNREACHABLE', { hive: alias, problem: 'it has no plugins' });
    },
    logs: async (id, { lines } = {}) => {
      if (!hive.workers.some((worker) => worker.id === id)) {
        throw RbeeError.of('WORKER_NOT_FOUND', { worker: id, near: '' });
      }
      return Readable.from([`last ${lines} lines of ${id}\n`]);
    },
    onFault: () => {},
    close: async () => {},
  };
  const hive: SimulatedHive = {
    alias,
    mode: 'attached',
    workerPorts: { first: 1, last: 65_535 },
    client,
    workers,
    calls: [],
    tell: () => {
      revision += 1;
      for (const push of listeners) push(beatNow());
    },
    cut: (now) => {
      broken = now;
      if (now) for (const push of [...listeners]) push(null);
    },
    wakes: 0,
    onWake: async () => {},
    onSleep: async () => {},
    onSpawn: async (spec) => {
      const name = spec.name ?? spec.model ?? 'demo';
      const worker = workerWith({ id: spec.id ?? `fake-${hive.workers.length + 1}`, model: name, names: [name] });
      hive.workers.push(worker);
      hive.tell();
      return structuredClone(worker);
    },
  };
  return hive;
};
