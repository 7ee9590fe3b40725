/** All hives and their workers as the queen knows them. Reads come from memory. */

import type { HiveCatalogEntry, HiveView } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { isInRange } from '../../contract/ports.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { FleetWorker } from '../../gateway/fleet.ts';
import { didYouMean } from '../../narration/near.ts';
import type { HiveConnection } from './hive-connection.ts';
import { LoopLag } from './liveness.ts';
import { Member } from './member.ts';
import { type WorkerName, workerKey } from './worker-key.ts';

export interface FleetOptions {
  /** Heartbeats broke, or the hive violates the protocol (HIVE_PROTOCOL_ERROR). Called at each attempt to reconnect. */
  onBroken?: (alias: string, error: unknown) => void;
  /** A hive answers again, or its process was restarted. */
  onOnline?: (alias: string) => void;
}

export interface FleetListener {
  /** A hive was added, removed or changed its state: derived data is outdated. */
  changed(): void;
  /** A hive went silent for an unknown reason, or violated the protocol. */
  silent(member: Member): void;
}

const checkMs = 250;

export class Fleet {
  readonly #members = new Map<string, Member>();
  readonly #options: FleetOptions;
  readonly #listeners = new Set<FleetListener>();
  readonly #lag: LoopLag;
  readonly #clock: NodeJS.Timeout;

  constructor(options: FleetOptions = {}) {
    this.#options = options;
    this.#lag = new LoopLag(checkMs, performance.now());
    this.#clock = setInterval(() => this.#check(), checkMs).unref();
  }

  /** Returns a function that removes the listener. */
  listen(listener: FleetListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds a hive. Its heartbeats are read after the member's `start`. */
  add(connection: HiveConnection): Member {
    const member: Member = new Member(connection, {
      lag: this.#lag,
      onChange: () => this.#changed(),
      onOnline: () => this.#options.onOnline?.(connection.alias),
      onSilent: () => {
        for (const listener of this.#listeners) listener.silent(member);
      },
      onBroken: (error) => this.#options.onBroken?.(connection.alias, error),
    });
    this.#members.set(connection.alias, member);
    return member;
  }

  /** Removes a hive and its workers. */
  remove(alias: string): void {
    const member = this.#members.get(alias);
    if (!member) return;
    member.stop('it was removed from the fleet');
    this.#members.delete(alias);
    this.#changed();
  }

  /** Throws HIVE_NOT_FOUND. */
  member(alias: string): Member {
    const member = this.#members.get(alias);
    if (member) return member;
    throw RbeeError.of('HIVE_NOT_FOUND', { hive: alias, known: [...this.#members.keys()].join(', ') });
  }

  find(alias: string): Member | undefined {
    return this.#members.get(alias);
  }

  members(): Iterable<Member> {
    return this.#members.values();
  }

  /** A hive that is online. Throws HIVE_NOT_FOUND, HIVE_NOT_RUNNING, HIVE_UNREACHABLE, HIVE_PROTOCOL_ERROR. */
  online(alias: string): Member {
    const member = this.member(alias);
    if (member.status === 'online') return member;
    if (member.status === 'stopped') throw RbeeError.of('HIVE_NOT_RUNNING', { hive: alias });
    if (member.status === 'faulty')
      throw RbeeError.of('HIVE_PROTOCOL_ERROR', { hive: alias, problem: member.reason ?? '' });
    throw RbeeError.of('HIVE_UNREACHABLE', { hive: alias, problem: member.reason ?? 'no heartbeat' });
  }

  hives(): HiveView[] {
    return [...this.#members.values()].map((member) => member.views.hive);
  }

  /** Workers of all hives, or of one. Throws HIVE_NOT_FOUND. */
  workers(hive?: string): WorkerView[] {
    const members = hive === undefined ? [...this.#members.values()] : [this.member(hive)];
    return members.flatMap((member) => member.views.workers);
  }

  /** A `WorkerList` as JSON. Like `workers`, but joins cached text. Throws HIVE_NOT_FOUND. */
  workersJson(hive?: string): string {
    const members = hive === undefined ? [...this.#members.values()] : [this.member(hive)];
    const lists = members.map(({ workersJson }) => workersJson).filter((list) => list !== '');
    const absent = members
      .filter(({ mayHideWorkers }) => mayHideWorkers)
      .map(({ connection, status, reason }) => ({ hive: connection.alias, status, reason }));
    const more = absent.length === 0 ? '' : `,"absent":${JSON.stringify(absent)}`;
    return `{"workers":[${lists.join(',')}]${more}}`;
  }

  /** Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_NOT_FOUND, HIVE_UNREACHABLE. */
  worker(name: WorkerName): WorkerView {
    const view = this.owner(name).views.workers.find(({ id }) => id === name.worker);
    return view ?? this.#noWorker(name);
  }

  /**
   * The hive of a worker. If two hives use one id, the name must include the hive. Throws WORKER_NOT_FOUND,
   * WORKER_AMBIGUOUS, HIVE_NOT_FOUND; HIVE_UNREACHABLE if a hive that has not reported yet may have it.
   */
  owner(name: WorkerName): Member {
    const { worker, hive } = name;
    const members = hive === undefined ? [...this.#members.values()] : [this.member(hive)];
    const [owner, ...others] = members.filter(({ workers }) => workers.has(worker));
    if (!owner) return this.#noWorker(name);
    if (others.length === 0) return owner;
    const hives = [owner, ...others].map(({ connection }) => connection.alias).join(', ');
    throw RbeeError.of('WORKER_AMBIGUOUS', { worker, hives });
  }

  /** All workers, with how to dial them and whether their hive is online. */
  *dialable(): Generator<FleetWorker> {
    for (const member of this.#members.values()) {
      const { alias, dial, workerPorts } = member.connection;
      for (const worker of member.workers.values()) {
        const { port } = worker;
        const isRefused = port !== null && !isInRange(workerPorts, port);
        yield {
          key: workerKey(alias, worker.id),
          worker,
          online: member.status === 'online',
          returning: member.isReturning,
          ...(isRefused && { refused: `on port ${port}, outside ${workerPorts.first}-${workerPorts.last}` }),
          ...(dial && { dial }),
        };
      }
    }
  }

  /** A hive is being connected to for the first time, and may have workers that are not known yet. */
  get isGathering(): boolean {
    for (const member of this.#members.values()) if (member.isReturning && member.isUnreported) return true;
    return false;
  }

  /** Installed worker types of all hives, or of one. Throws HIVE_NOT_FOUND. */
  catalog(hive?: string): HiveCatalogEntry[] {
    const members = hive === undefined ? [...this.#members.values()] : [this.member(hive)];
    return members.flatMap((member) =>
      (member.state?.catalog ?? []).map((entry) => ({ ...entry, hive: member.connection.alias })),
    );
  }

  close(): void {
    clearInterval(this.#clock);
    for (const member of this.#members.values()) member.stop('the queen is closing');
  }

  #changed(): void {
    for (const listener of this.#listeners) listener.changed();
  }

  #check(): void {
    const now = performance.now();
    this.#lag.measure(now);
    for (const member of this.#members.values()) member.check(now);
  }

  #noWorker({ worker, hive }: WorkerName): never {
    const members = hive === undefined ? [...this.#members.values()] : [this.member(hive)];
    const known = members.flatMap((member) => [...member.workers.keys()]);
    const near = didYouMean(worker, known);
    // Before all hives have reported, the queen cannot tell that a worker does not exist.
    const unreported = near === '' && members.find(({ isUnreported }) => isUnreported);
    if (unreported) {
      const problem = `${unreported.reason}; it may have the worker ${worker}`;
      throw RbeeError.of('HIVE_UNREACHABLE', { hive: unreported.connection.alias, problem });
    }
    throw RbeeError.of('WORKER_NOT_FOUND', { worker, near });
  }
}
