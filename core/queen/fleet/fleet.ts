/** All hives and their workers as the queen knows them. Every read answers from memory. */
import { RbeeError } from '../../contract/errors.ts';
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { HiveView } from '../../contract/queen-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import { didYouMean } from '../../narration/near.ts';
import type { HiveCatalogEntry } from '../client/results.ts';
import type { HiveConnection } from './hive-connection.ts';
import { LoopLag } from './liveness.ts';
import { Member } from './member.ts';

export interface FleetOptions {
  /** A hive came, went or told something new: what was derived from the fleet is out of date. */
  onChange?: () => void;
  /** The heartbeats of a hive broke; called at each attempt to get them back. */
  onBroken?: (alias: string, error: unknown) => void;
  /** A hive has gone silent, and nobody knows why. */
  onSilent?: (member: Member) => void;
  /** A hive answers that did not answer before, or that was started anew. */
  onOnline?: (alias: string) => void;
}

const checkMs = 250;

export class Fleet {
  readonly #members = new Map<string, Member>();
  readonly #options: FleetOptions;
  readonly #lag: LoopLag;
  readonly #clock: NodeJS.Timeout;

  constructor(options: FleetOptions = {}) {
    this.#options = options;
    this.#lag = new LoopLag(checkMs, performance.now());
    this.#clock = setInterval(() => this.#check(), checkMs).unref();
  }

  /** A hive of the fleet; its heartbeats are read once it is told to `start`. */
  add(connection: HiveConnection): Member {
    const member: Member = new Member(connection, {
      lag: this.#lag,
      onChange: () => this.#options.onChange?.(),
      onOnline: () => this.#options.onOnline?.(connection.alias),
      onSilent: () => this.#options.onSilent?.(member),
      onBroken: (error) => this.#options.onBroken?.(connection.alias, error),
    });
    this.#members.set(connection.alias, member);
    return member;
  }

  /** Forgets a hive; its workers are the fleet's no more. */
  remove(alias: string): void {
    const member = this.#members.get(alias);
    if (!member) return;
    member.stop('it is no longer of the fleet');
    this.#members.delete(alias);
    this.#options.onChange?.();
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

  /** A hive that answers now. Throws HIVE_NOT_FOUND, HIVE_NOT_RUNNING, HIVE_UNREACHABLE. */
  online(alias: string): Member {
    const member = this.member(alias);
    if (member.status === 'online') return member;
    if (member.status === 'stopped') throw RbeeError.of('HIVE_NOT_RUNNING', { hive: alias });
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

  /** A `WorkerList` in JSON: what `workers` gives, at the price of a join. Throws HIVE_NOT_FOUND. */
  workersJson(hive?: string): string {
    const members = hive === undefined ? [...this.#members.values()] : [this.member(hive)];
    const lists = members.map(({ workersJson }) => workersJson).filter((list) => list !== '');
    const absent = members
      .filter(({ mayHide }) => mayHide)
      .map(({ connection, status, reason }) => ({ hive: connection.alias, status, reason }));
    const more = absent.length === 0 ? '' : `,"absent":${JSON.stringify(absent)}`;
    return `{"workers":[${lists.join(',')}]${more}}`;
  }

  /** Throws WORKER_NOT_FOUND. */
  worker(id: string): WorkerView {
    const view = this.owner(id).views.workers.find((worker) => worker.id === id);
    return view ?? this.#noWorker(id);
  }

  /** The hive of a worker. Throws WORKER_NOT_FOUND. */
  owner(id: string): Member {
    for (const member of this.#members.values()) if (member.workers.has(id)) return member;
    return this.#noWorker(id);
  }

  /** Workers with what is needed to dial them, and whether their hive answers. */
  *dialable(): Generator<{ worker: HiveWorker; online: boolean; dial?: HiveConnection['dial'] }> {
    for (const member of this.#members.values()) {
      const { dial } = member.connection;
      for (const worker of member.workers.values()) yield { worker, online: member.status === 'online', dial };
    }
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

  #check(): void {
    const now = performance.now();
    this.#lag.measure(now);
    for (const member of this.#members.values()) member.check(now);
  }

  #noWorker(id: string): never {
    const known = [...this.#members.values()].flatMap((member) => [...member.workers.keys()]);
    throw RbeeError.of('WORKER_NOT_FOUND', { worker: id, near: didYouMean(id, known) });
  }
}
