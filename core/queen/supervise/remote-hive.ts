/** A hive on another machine: its link, its agent, its process, and the supervisor that starts it again. */
import type { FastifyBaseLogger } from 'fastify';
import type { HiveState } from '../../contract/api/hive-api.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { parsePortRange } from '../../contract/ports.ts';
import { createHiveClient } from '../../hive/client.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import type { BareHost } from '../../ssh/bootstrap.ts';
import { probeForwarding } from '../../ssh/check-forwarding.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import type { SshTarget } from '../../ssh/target.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HiveConnection } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import { AgentLease } from '../link/agent-lease.ts';
import { type BringDeps, refuseUnfit, uploadTo } from '../link/bring-agent.ts';
import { MachineLink } from '../link/machine-link.ts';
import type { MachineStore, StoredMachine } from '../link/machine-store.ts';
import type { Machine, RemoteCall } from '../provision/machine.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import { HiveSupervisor } from './hive-supervisor.ts';
import { type DaemonPorts, RemoteDaemon } from './remote-daemon.ts';

export interface RemoteHiveDeps extends BringDeps {
  fleet: Fleet;
  machineStore: MachineStore;
  secrets: QueenSecrets;
  logger: FastifyBaseLogger;
}

export interface RemoteHiveSettings extends DaemonPorts {
  /** Start it whenever its machine answers and it is not running. */
  autoStart: boolean;
  labels: Readonly<Record<string, string>>;
}

const stoppedReason = 'stopped on request';
const onlineTimeoutMs = 15_000;
const restartTimeoutMs = 60_000;

export class RemoteHive implements Machine {
  readonly alias: string;
  readonly link: MachineLink;
  readonly agents: AgentLease;
  readonly daemon: RemoteDaemon;
  readonly connection: HiveConnection;
  readonly member: Member;
  readonly #deps: RemoteHiveDeps;
  readonly #supervisor: HiveSupervisor;
  readonly #ports: DaemonPorts;
  #autoStart: boolean;
  /** Jobs that are starting, stopping or installing it. */
  #busy = 0;
  #wanted = false;
  #closed = false;

  /** Adds it to the fleet. Dials nothing. */
  constructor(
    target: SshTarget,
    { autoStart, hivePort, workerPorts, labels }: RemoteHiveSettings,
    deps: RemoteHiveDeps,
  ) {
    this.alias = target.alias;
    this.#deps = deps;
    this.#autoStart = autoStart;
    this.#ports = { hivePort, workerPorts };
    this.link = new MachineLink(target, deps.pool);
    this.agents = new AgentLease(this.link, deps, (error) => this.member.fault(error));
    this.daemon = new RemoteDaemon(this.link, this.#ports, deps);
    this.#supervisor = new HiveSupervisor({
      situation: () => ({
        wanted: this.#wanted && !this.#closed,
        busy: this.#busy > 0,
        heard: this.member.isHeard,
      }),
      start: () => this.#startAgain(),
    });
    this.connection = this.#makeConnection();
    this.member = deps.fleet.add(this.connection);
    this.member.label(labels);
    if (!this.#stored) this.member.markBare('nothing is installed there yet: run rbee sync');
  }

  /** Takes over what the configuration says now. Connections that are open stay open. */
  configure(target: SshTarget, { autoStart, hivePort, workerPorts, labels }: RemoteHiveSettings): void {
    this.#autoStart = autoStart;
    Object.assign(this.#ports, { hivePort, workerPorts });
    this.member.label(labels);
    this.link.retarget(target);
  }

  /**
   * Starts to read its heartbeats, unless rbee is not installed there or a person stopped the hive. Starts its process
   * only with `autoStart`.
   */
  connect(): void {
    const known = this.#stored;
    if (this.#closed || !known) return;
    if (known.stopped) this.member.stop(stoppedReason);
    else {
      this.#wanted = this.#autoStart;
      this.member.start();
    }
  }

  /** Waits until a hive whose heartbeats are read is online, or the timeout is over. */
  async waitOnline(timeoutMs: number): Promise<void> {
    if (this.member.isFollowed) await this.member.online(timeoutMs);
  }

  /** Call this if it answers a request: another queen may have installed or started it. */
  onDiscovered(state: HiveState): void {
    if (this.#closed || this.member.isFollowed) return;
    this.connect();
    this.member.update(state);
  }

  /** Call this whenever its heartbeats break or cannot be opened. */
  onHeartbeatLost(error: unknown): void {
    const machineAnswers = error instanceof RbeeError && error.code === 'HIVE_UNREACHABLE';
    this.#supervisor.onHeartbeatLost({ machineAnswers });
  }

  withAgent<Result>(call: RemoteCall, work: (agent: AgentClient) => Promise<Result>): Promise<Result> {
    return this.agents.use(call, work);
  }

  async upload(file: string, path: string, what: string, call: RemoteCall): Promise<void> {
    await uploadTo(await this.link.reach(call), this.#deps, { file, path, what, ...call });
  }

  /** Throws if rbee cannot be installed on this machine. Errors: HOST_*, SSH_FORWARDING_REFUSED. */
  async refuseUnfit(host: BareHost, call: RemoteCall): Promise<void> {
    await refuseUnfit(this.alias, host, this.#deps.bundles);
    await probeForwarding(await this.link.reach(call), this.firstWorkerPort);
  }

  /** A port to probe forwarding with: without forwarding, no worker can be reached. */
  get firstWorkerPort(): number {
    return parsePortRange(this.#ports.workerPorts).first;
  }

  /** Keeps the supervisor away while a job works on the hive. */
  async exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#busy += 1;
    this.#supervisor.cancel();
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  /** Starts its process and waits for its heartbeats. Errors: START_FAILED, HIVE_NOT_INSTALLED, HIVE_UNREACHABLE. */
  async start(call: RemoteCall): Promise<void> {
    await this.exclusively(() => this.#ensureRunning(call));
    await this.keepRunning();
  }

  /** Marks it as wanted, so that it is restarted whenever its process ends. */
  async keepRunning(): Promise<void> {
    this.#wanted = true;
    this.#supervisor.resetBackoff();
    await this.#storeStopped(false);
  }

  /** Stops its process, and keeps it stopped. Its workers keep running. */
  async stop(call: RemoteCall): Promise<void> {
    this.#wanted = false;
    await this.exclusively(() => this.agents.useIfInstalled(call, (agent) => this.daemon.stop(agent, call)));
    this.member.stop(stoppedReason);
    await this.#storeStopped(true);
  }

  async restart(call: RemoteCall): Promise<void> {
    await this.stop(call);
    await this.start(call);
  }

  /** Waits for its heartbeats. With `build`, waits for that build: the process that is being replaced may still send some. */
  async online(signal?: AbortSignal, build?: string): Promise<void> {
    this.member.start();
    const isExpected = (state: HiveState): boolean => build === undefined || state.build === build;
    if (await this.member.online(onlineTimeoutMs, signal, isExpected)) return;
    signal?.throwIfAborted();
    throw RbeeError.of('HIVE_UNREACHABLE', { hive: this.alias, problem: this.member.reason ?? 'no heartbeat' });
  }

  /** Removes it from the fleet. The hive and its workers keep running. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = false;
    this.#supervisor.cancel();
    this.#deps.fleet.remove(this.alias);
    await this.connection.client.close();
    this.agents.close();
  }

  get #stored(): StoredMachine | undefined {
    return this.#deps.machineStore.get(this.alias);
  }

  #makeConnection(): HiveConnection {
    const token = () => this.#stored?.hivePort?.token;
    const client = createHiveClient({ hive: this.alias, connect: { dial: () => this.#dialHive(), token } });
    const workerPorts = () => parsePortRange(this.#stored?.workerPorts ?? this.#ports.workerPorts);
    return {
      alias: this.alias,
      mode: 'ssh',
      client: this.#deps.secrets.client(this.alias, client),
      get workerPorts() {
        return workerPorts();
      },
      dial: async (port) => (await this.link.dial()).dialPort(port),
    };
  }

  async #dialHive() {
    const connection: SshConnection = await this.link.dial();
    const known = this.#stored;
    if (!known) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: this.alias });
    return known.hivePort ? connection.dialPort(known.hivePort.port) : connection.dialSocket(known.hiveSocket);
  }

  async #ensureRunning(call: RemoteCall): Promise<void> {
    await this.agents.useIfInstalled(call, (agent) => this.daemon.runInstalled(agent, call));
    await this.online(call.signal);
  }

  #startAgain(): void {
    const quiet: RemoteCall = { signal: AbortSignal.timeout(restartTimeoutMs), narrate: () => {} };
    this.exclusively(() => this.#ensureRunning(quiet)).catch((failure) => {
      const { code, message } = asRbeeError(failure, `the start of hive ${this.alias}`);
      // The machine became unreachable: that is not a failure of the hive, and must not delay its next start.
      const isAway = code.startsWith('SSH_');
      if (isAway) this.#supervisor.resetBackoff();
      const level = isAway ? 'debug' : 'error';
      this.#deps.logger[level]({ hive: this.alias, problem: message }, 'cannot restart the hive');
    });
  }

  async #storeStopped(stopped: boolean): Promise<void> {
    const known = this.#stored;
    if (!known) return;
    const { stopped: _, ...rest } = known;
    await this.#deps.machineStore.set(this.alias, stopped ? { ...rest, stopped } : rest);
  }
}
