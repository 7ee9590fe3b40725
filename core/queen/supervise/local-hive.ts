/** The hive of the queen's own machine: inside the queen's process, or in its own. */

import { connect, type Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { localAlias } from '../../config/hive-entry.ts';
import type { Paths } from '../../config/paths.ts';
import { checkSocket } from '../../config/private-places.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { parsePortRange } from '../../contract/ports.ts';
import { createHiveClient } from '../../hive/client.ts';
import type { Hive } from '../../hive/main.ts';
import { Daemon } from '../../lifecycle/daemon/daemon.ts';
import { localRunner } from '../../lifecycle/system/local-runner.ts';
import { hiveProblems, mustStart } from '../client/config-problems.ts';
import { daemonSpec } from '../client/daemon-spec.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HiveConnection } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import { HiveSupervisor } from './hive-supervisor.ts';

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

const onlineTimeoutMs = 10_000;

export class LocalHive {
  readonly alias = localAlias;
  readonly #options: LocalHiveOptions;
  readonly #connection: HiveConnection;
  readonly #member: Member;
  readonly #supervisor: HiveSupervisor;
  /** The hive inside this process. */
  #attached: Hive | undefined;
  #wanted = false;
  #closed = false;
  /** Starts and stops run one after another. */
  #queue: Promise<unknown> = Promise.resolve();

  /** Adds the hive to the fleet. Starts nothing. */
  constructor(options: LocalHiveOptions) {
    this.#options = options;
    const { paths, config, fleet, secrets } = options;
    const dialled = createHiveClient({ hive: localAlias, connect: { dial: () => dialOwn(paths.hiveSocket) } });
    const client = secrets.client(localAlias, dialled);
    const mode = config.queen.mode === 'attached-hive' ? 'attached' : 'local';
    this.#connection = { alias: localAlias, mode, client, workerPorts: parsePortRange(config.hive.workerPorts) };
    this.#member = fleet.add(this.#connection);
    this.#supervisor = new HiveSupervisor({
      // `start` checks for itself if the process still runs, so it may be called at any time.
      situation: () => ({ wanted: this.#wanted && !this.#closed && !this.#attached, busy: false, heard: false }),
      start: () => {
        this.start().catch((error) => this.#options.logger.error(error, 'cannot restart the hive'));
      },
    });
  }

  /** It runs inside the queen's process, and ends with it. */
  get isAttached(): boolean {
    return this.#connection.mode === 'attached';
  }

  /** Starts it and waits for its heartbeats. Errors: START_FAILED, HIVE_UNREACHABLE, and any from the hive's own start. */
  start(call: Call = {}): Promise<void> {
    this.#wanted = true;
    return this.#inTurn(() => this.#ensure(call));
  }

  /** Stops its process. Its workers keep running. */
  stop(call: Call = {}): Promise<void> {
    this.#wanted = false;
    this.#supervisor.cancel();
    return this.#inTurn(async () => {
      call.narrate?.({ kind: 'step', id: 'stop hive', text: 'stopping hive' });
      const stopped = await this.#daemon().stop(call);
      const text = stopped ? 'hive stopped; its workers keep running' : 'hive was not running';
      call.narrate?.({ kind: 'done', id: 'stop hive', text });
      this.#member.stop('stopped on request');
    });
  }

  /** Stops and starts it, but not if its configuration would prevent the start. Errors: CONFIG_REFUSED. */
  async restart(call: Call = {}): Promise<void> {
    mustStart(await hiveProblems(this.#options.paths));
    await this.stop(call);
    await this.start(call);
  }

  /** Reads the heartbeats of a hive that runs already. Starts none. */
  async connect(): Promise<void> {
    this.#connection.mode = 'local';
    const living = await this.#connection.client.health().catch(() => undefined);
    if (!living) return this.#member.stop('it was not started ([queen] auto_start is off)');
    this.#member.start();
    await this.#member.online(onlineTimeoutMs);
  }

  /** Call this whenever its heartbeats break or cannot be opened. */
  onHeartbeatLost(): void {
    this.#supervisor.onHeartbeatLost({ machineAnswers: true });
  }

  /** Ends a hive inside the queen. A hive in its own process keeps running, and so do all workers. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = false;
    this.#supervisor.cancel();
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
      // The heartbeats of a hive that did not start are not read, so nothing else would try again.
      this.onHeartbeatLost();
      throw error;
    }
    this.#member.start();
    if (!(await this.#member.online(onlineTimeoutMs, signal))) {
      const problem = this.#member.reason ?? 'no heartbeat';
      throw RbeeError.of('HIVE_UNREACHABLE', { hive: localAlias, problem });
    }
    this.#supervisor.cancel();
    this.#supervisor.resetBackoff();
  }

  /** False if a hive process already owns this machine: then that one is used. */
  async #attach(): Promise<boolean> {
    // Loaded late: most queens do not run a hive inside.
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
    if (!living) await this.#daemon().ensureRunning(call);
  }

  #daemon(): Daemon {
    const { paths, env } = this.#options;
    return new Daemon({ spec: () => daemonSpec('hive', paths, env), runner: localRunner, env });
  }
}

/** Worker keys and prompts go through this socket, so it must belong to this user's hive. */
const dialOwn = async (path: string): Promise<Socket> => {
  checkSocket(path);
  return connect(path);
};
