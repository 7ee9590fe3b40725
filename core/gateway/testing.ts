/** For the tests of the gateway: fleets in memory, and real HTTP servers as their workers. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AccessKey } from '../contract/api/access.ts';
import type { HiveWorker } from '../contract/api/hive-api.ts';
import type { KeyStorage } from './access/key-ring.ts';
import type { FleetWatcher, FleetWorker, WorkerFleet } from './fleet.ts';

/** A ready worker with every field; `over` replaces some. */
export const workerWith = (over: Partial<HiveWorker> = {}): HiveWorker => ({
  id: 'fake-1',
  type: 'fake',
  variant: 'cpu',
  device: 'cpu',
  model: 'demo',
  names: ['demo'],
  reference: 'demo',
  state: 'ready',
  progress: null,
  pid: 4711,
  port: 1,
  hive: 'local',
  engine: 'fake',
  plugin: '@rbee/worker-fake',
  pluginVersion: '0.1.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  readyAt: '2026-01-01T00:00:01.000Z',
  readyMs: 1000,
  restarts: 0,
  running: 0,
  waiting: 0,
  failure: null,
  options: {},
  logFile: '/dev/null',
  apiKey: 'secret-of-the-worker',
  serves: [
    { path: '/v1/chat/completions', kind: 'chat' },
    { path: '/v1/embeddings', kind: 'embedding' },
    { path: '/v1/audio/transcriptions', kind: 'transcription' },
    { path: '/v1/things', method: 'GET', kind: 'other' },
  ],
  closesOnlyWhenIdle: false,
  ...over,
});

export interface MemoryFleet extends WorkerFleet {
  /** What it consists of; call `changed` after changing it. */
  list: FleetWorker[];
  gathering: boolean;
  changed(): void;
  silent(key: string): void;
}

/** A fleet of these workers. `servable` are the paths of installed worker types. */
export const memoryFleet = (
  workers: Iterable<HiveWorker | FleetWorker> = [],
  { servable = [], wake = async () => {} }: { servable?: string[]; wake?: WorkerFleet['wake'] } = {},
): MemoryFleet => {
  const watchers = new Set<FleetWatcher>();
  const fleet: MemoryFleet = {
    gathering: false,
    list: [...workers].map((worker) => ('worker' in worker ? worker : { key: worker.id, worker, online: true })),
    workers: () => fleet.list,
    servablePaths: () => servable,
    isGathering: () => fleet.gathering,
    wake,
    watch: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    changed: () => {
      for (const watcher of watchers) watcher.changed();
    },
    silent: (key) => {
      for (const watcher of watchers) watcher.silent(key);
    },
  };
  return fleet;
};

/** Keys in memory. */
export const memoryKeys = (keys: readonly AccessKey[] = []): KeyStorage => {
  let stored = keys;
  return {
    load: async () => stored,
    save: async (next) => {
      stored = next;
    },
  };
};

export interface TestServer {
  server: Server;
  port: number;
  close(): Promise<void>;
}

/** A real HTTP server on a free loopback port. */
export const listening = async (listener: RequestListener): Promise<TestServer> => {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { server, port: (server.address() as AddressInfo).port, close };
};

/** Polls until the condition holds; fails after `deadlineMs`. */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 15_000,
): Promise<void> => {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
