/** The hive of the queen's own machine: inside the queen, or a process of its own. */
import { connect, type Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import type { Paths } from '../../config/paths.ts';
import { checkSocket } from '../../config/private-places.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import type { Narrate } from '../../contract/narration.ts';
import { parsePortRange } from '../../contract/ports.ts';
import { createHiveClient } from '../../hive/client.ts';
import type { Hive } from '../../hive/main.ts';
import { hiveProblems, mustStart } from '../client/config-problems.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HiveConnection } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import { ensureHive, stopHive } from './hive-daemon.ts';

export const localAlias = 'local';

export interface LocalHiveOptions {
  fleet: Fleet;
  secrets: QueenSecrets;
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  version: string;
  logger: FastifyBaseLogger;
}

interface Call {
  narrate?: Narrate;
  signal?: AbortSignal;
}

const onlineMs = 10_000;
/** Between two attempts to bring back a hive whose process ended. */
const reviveMs = { first: 100, most: 30_000 };

export class LocalHive {
  readonly alias = localAlias;
  readonly #options: LocalHiveOptions;
  readonly #connection: HiveConnection;
  readonly #member: Member;
  /** The hive that runs in this process. */
  #attached: Hive | undefined;
  #wanted = false;
  #closed = false;
  #reviving: NodeJS.Timeout | undefined;
  #reviveMs = reviveMs.first;
  /** Starts and stops one after another. */
  #queue: Promise<unknown> = Promise.resolve();

  /** Adds the hive to the fleet; it is not started yet. */
  constructor(options: LocalHiveOptions) {
    this.#options = options;
    const { paths, config, fleet, secrets } = options;
    const dialled = createHiveClient({ hive: localAlias, connect: { dial: () => dialOwn(paths.hiveSocket) } });
    const client = secrets.client(localAlias, dialled);
    const mode = config.queen.mode === 'attached-hive' ? 'attached' : 'local';
    this.#connection = { alias: localAlias, mode, client, workerPorts: parsePortRange(config.hive.workerPorts) };
    this.#member = fleet.add(this.#connection);
  }

  /** It lives and ends with the queen. */
  get isAttached(): boolean {
    return this.#connection.mode === 'attached';
  }

  /** Makes it run and waits until it tells of itself. Errors: START_FAILED, HIVE_UNREACHABLE, and what a hive refuses. */
  start(call: Call = {}): Promise<void> {
    this.#wanted = true;
    return this.#inTurn(() => this.#ensure(call));
  }

  /** Ends its process; its workers go on. */
  stop(call: Call = {}): Promise<void> {
    this.#wanted = false;
    this.#cancelRevival();
    return this.#inTurn(async () => {
      await stopHive({ ...this.#options, ...call });
      this.#member.stop('it was stopped');
    });
  }

  /** Stops it and starts it again, unless its configuration would keep it from that. Errors: CONFIG_REFUSED. */
  async restart(call: Call = {}): Promise<void> {
    mustStart(await hiveProblems(this.#options.paths));
    await this.stop(call);
    await this.start(call);
  }

  /** Takes up a hive that runs already, without starting one. */
  async meet(): Promise<void> {
    this.#connection.mode = 'local';
    const living = await this.#connection.client.health().catch(() => undefined);
    if (!living) return this.#member.stop('it was not started ([queen] auto_start is off)');
    this.#member.start();
    await this.#member.online(onlineMs);
  }

  /** Its heartbeats broke, or it did not start: brings it back when it should run and its process is gone. */
  broken(): void {
    if (!this.#wanted || this.#closed || this.#attached || this.#reviving) return;
    this.#reviving = setTimeout(() => {
      this.#reviving = undefined;
      // Silence is judged more slowly than a connection that broke; a hive that answers after all is left as it is.
      if (!this.#wanted || this.#closed) return;
      this.start().catch((error) => {
        this.#options.logger.error(error, 'the hive cannot be started again');
      });
    }, this.#reviveMs);
    this.#reviveMs = Math.min(this.#reviveMs * 2, reviveMs.most);
  }

  /** Lets go of it: one inside the queen ends, one of its own goes on; workers go on in any case. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = false;
    this.#cancelRevival();
    await this.#queue.catch(() => {});
    await this.#connection.client.close();
    await this.#attached?.close();
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.catch(() => {}).then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #ensure({ narrate, signal }: Call): Promise<void> {
    if (this.#closed || this.#attached) return;
    try {
      const attached = this.#options.config.queen.mode === 'attached-hive' && (await this.#attach());
      if (!attached) await this.#ensureProcess({ narrate, signal });
      this.#connection.mode = attached ? 'attached' : 'local';
    } catch (error) {
      this.#member.stop(asRbeeError(error, 'the hive', 'rbee queen logs').message);
      // No heartbeats are read of a hive that did not start, so nothing else would try again.
      this.broken();
      throw error;
    }
    this.#member.start();
    if (!(await this.#member.online(onlineMs, signal))) {
      const problem = this.#member.reason ?? 'no heartbeat';
      throw RbeeError.of('HIVE_UNREACHABLE', { hive: localAlias, problem });
    }
    // What was planned while it was coming up would delay the next time that it is needed.
    this.#cancelRevival();
    this.#reviveMs = reviveMs.first;
  }

  #cancelRevival(): void {
    clearTimeout(this.#reviving);
    this.#reviving = undefined;
  }

  /** False when a hive of its own owns this machine: then that one is used. */
  async #attach(): Promise<boolean> {
    // Only a queen that carries a hive pays for loading it.
    const { startHive } = await import('../../hive/main.ts');
    try {
      this.#attached = await startHive(this.#options);
      return true;
    } catch (error) {
      if (error instanceof RbeeError && error.code === 'HIVE_BUSY') return false;
      throw error;
    }
  }

  async #ensureProcess(call: Call): Promise<void> {
    const living = await this.#connection.client.health().catch(() => undefined);
    if (!living) await ensureHive({ ...this.#options, ...call });
  }
}

/** Keys of workers and prompts go through this socket, so it has to be the hive of this user. */
const dialOwn = async (path: string): Promise<Socket> => {
  checkSocket(path);
  return connect(path);
};
