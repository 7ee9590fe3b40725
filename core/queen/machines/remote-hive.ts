/** A hive on another machine: how it is reached, started, stopped, and brought back when it or its machine was away. */
import type { FastifyBaseLogger } from 'fastify';
import { asRbeeError, type ErrorCode, RbeeError } from '../../contract/errors.ts';
import type { HiveState } from '../../contract/hive-api.ts';
import { parsePortRange } from '../../contract/ports.ts';
import { createHiveClient } from '../../hive/client.ts';
import { Daemon } from '../../lifecycle/daemon/daemon.ts';
import { AgentClient, AgentFailure } from '../../ssh/agent-client.ts';
import type { BareHost } from '../../ssh/bootstrap.ts';
import { checkForwarding, probeForwarding } from '../../ssh/check-forwarding.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import type { SshPool } from '../../ssh/pool.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import type { Hop, SshTarget } from '../../ssh/target.ts';
import type { Uploads } from '../../ssh/upload/uploads.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HiveConnection } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import type { Machine, RemoteCall } from '../provision/machine.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import { bringAgent, findAgent, refuseUnfit, uploadTo } from './bring-agent.ts';
import type { Bundles } from './bundles.ts';
import { hiveSpec, hiveToken } from './hive-spec.ts';
import type { Remembered } from './remembered.ts';

export interface RemoteHiveParts {
  fleet: Fleet;
  pool: SshPool;
  uploads: Uploads;
  bundles: Bundles;
  remembered: Remembered;
  secrets: QueenSecrets;
  logger: FastifyBaseLogger;
}

export interface RemoteHiveSettings {
  autoStart: boolean;
  labels: Readonly<Record<string, string>>;
  hivePort: number;
  /** Ports for its workers, `first-last`. */
  workerPorts: string;
}

const stoppedReason = 'it was stopped';
const onlineMs = 15_000;
const agentIdleMs = 15_000;
/** Between attempts to start a hive whose process ended. */
const reviveMs = { first: 100, most: 30_000 };
/** How long a machine that refused for a lasting reason is left in peace: it may count attempts. */
const peaceMs = { first: 30_000, most: 600_000 };
const lasting = new Set<ErrorCode>([
  'SSH_AUTH_FAILED',
  'SSH_KEY_ENCRYPTED',
  'SSH_HOST_KEY_CHANGED',
  'SSH_HOST_KEY_UNKNOWN',
  'SSH_CONFIG_INVALID',
  'SSH_SHELL_UNUSABLE',
  'SSH_FORWARDING_REFUSED',
]);

interface Held {
  agent: Promise<AgentClient | BareHost>;
  users: number;
  idle?: NodeJS.Timeout;
}

export class RemoteHive implements Machine {
  readonly alias: string;
  readonly connection: HiveConnection;
  readonly member: Member;
  target: SshTarget;
  /** Is it started again whenever its machine answers and it does not run? */
  autoStart: boolean;
  /** Loopback port for its machine, where sshd lets nobody through to a socket. */
  hivePort: number;
  /** Ports for its workers from its next start on, `first-last`. */
  workerPorts: string;
  /** That port where it is needed, as was seen last. */
  #port: number | null = null;
  readonly #parts: RemoteHiveParts;
  #held: Held | undefined;
  #open: SshConnection | undefined;
  /** Something is being done with it on purpose. */
  #busy = 0;
  #wanted = false;
  #closed = false;
  #reviving: NodeJS.Timeout | undefined;
  #reviveMs = reviveMs.first;
  #revivedAt = Number.NEGATIVE_INFINITY;
  #refusal: { error: RbeeError; until: number; ms: number } | undefined;

  /** Adds it to the fleet; nothing is dialled yet. */
  constructor(
    target: SshTarget,
    { autoStart, hivePort, workerPorts, labels }: RemoteHiveSettings,
    parts: RemoteHiveParts,
  ) {
    this.hivePort = hivePort;
    this.workerPorts = workerPorts;
    this.alias = target.alias;
    this.target = target;
    this.autoStart = autoStart;
    this.#port = parts.remembered.get(target.alias)?.hivePort?.port ?? null;
    this.#parts = parts;
    const token = () => parts.remembered.get(this.alias)?.hivePort?.token;
    const dialled = createHiveClient({ hive: this.alias, connect: { dial: () => this.#dialHive(), token } });
    const client = parts.secrets.client(this.alias, dialled);
    const pinned = () => parsePortRange(parts.remembered.get(this.alias)?.workerPorts ?? this.workerPorts);
    this.connection = {
      alias: this.alias,
      mode: 'ssh',
      client,
      get workerPorts() {
        return pinned();
      },
      dial: (port) => this.#dialPort(port),
    };
    this.member = parts.fleet.add(this.connection);
    this.member.label(labels);
    if (!parts.remembered.get(this.alias)) this.member.bare('nothing is installed there yet: run rbee sync');
  }

  /** Begins to look for it, without starting it where it does not run, unless that is what the configuration wants. */
  meet(): void {
    const known = this.#parts.remembered.get(this.alias);
    if (this.#closed || !known) return;
    if (known.stopped) this.member.stop(stoppedReason);
    else {
      this.#wanted = this.autoStart;
      this.member.start();
    }
  }

  /** Waits for one that is looked for until it has told of itself, or the time is up. */
  async met(timeoutMs: number): Promise<void> {
    if (this.member.isLookedFor) await this.member.online(timeoutMs);
  }

  /** It answers although nobody looked for it, as one that another queen has put there: from now on it is looked for. */
  found(state: HiveState): void {
    if (this.#closed || this.member.isLookedFor) return;
    this.meet();
    this.member.tell(state);
  }

  /** Its machine is to be found elsewhere from now on; what is open stays so. */
  retarget(target: SshTarget): void {
    if (JSON.stringify(target) === JSON.stringify(this.target)) return;
    this.target = target;
    this.#refusal = undefined;
    this.#open = undefined;
  }

  /** An open connection to its machine. Whoever asks for it on purpose is not told of earlier refusals. */
  async reach(call: RemoteCall): Promise<SshConnection> {
    const connection = await this.#connect(call);
    this.#refusal = undefined;
    return connection;
  }

  /** The machines on the way to it, itself the last; nothing is dialled. */
  way(call: RemoteCall): Promise<readonly Hop[]> {
    return this.#parts.pool.route(this.target, call);
  }

  /** Goes the way to it anew, whatever is open, so that what is wrong with it now is seen. */
  async tryWay(call: RemoteCall): Promise<void> {
    const connection = await this.#parts.pool.connectAnew(this.target, call);
    try {
      await this.tryForwarding(connection);
    } finally {
      connection.close();
    }
  }

  /** Without forwarding there is no way to its workers. Errors: SSH_FORWARDING_REFUSED. */
  tryForwarding(connection: SshConnection): Promise<void> {
    return probeForwarding(connection, parsePortRange(this.workerPorts).first);
  }

  /** What bringing rbee to a bare machine would be refused for. Errors: HOST_*, SSH_FORWARDING_REFUSED. */
  async refuseUnfit(host: BareHost, call: RemoteCall): Promise<void> {
    await refuseUnfit(this.alias, host, this.#parts.bundles);
    await this.tryForwarding(await this.reach(call));
  }

  /** Works with an agent of its machine; it is brought there where there is none. Errors: SSH_*, HOST_*, UPLOAD_FAILED. */
  async withAgent<Result>(call: RemoteCall, work: (agent: AgentClient) => Promise<Result>): Promise<Result> {
    return this.#withAgent(
      call,
      () => true,
      (agent) => work(agent as AgentClient),
    );
  }

  /** The same, with null where nothing of rbee is installed. */
  withAgentIfThere<Result>(call: RemoteCall, work: (agent: AgentClient | null) => Promise<Result>): Promise<Result> {
    const bring = ({ installed }: BareHost) => installed !== null;
    return this.#withAgent(call, bring, (agent) => work(agent instanceof AgentClient ? agent : null));
  }

  /** The same without bringing an agent: it changes nothing on the machine. */
  lookWithAgent<Result>(call: RemoteCall, work: (there: AgentClient | BareHost) => Promise<Result>): Promise<Result> {
    return this.#withAgent(call, () => false, work);
  }

  /** Ends the agent that is kept for the next call. */
  leave(): void {
    this.#drop(this.#held);
  }

  /** A file of this machine to its own. */
  async upload(file: string, path: string, what: string, call: RemoteCall): Promise<void> {
    const connection = await this.reach(call);
    await uploadTo(connection, this.#parts, { file, path, what, ...call });
  }

  /** Its daemon, seen through an agent. */
  daemon(agent: AgentClient, installed: string): Daemon {
    const { hello } = agent;
    const upload = (file: string, path: string) => this.#uploadQuietly(file, path);
    return new Daemon({
      spec: () => hiveSpec(this.alias, hello, { installed, port: this.#port, workerPorts: this.workerPorts }),
      runner: sshRunner(agent, upload),
      env: hello.env,
    });
  }

  /** Keeps others from bringing it back while something is done with it. */
  async onPurpose<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#busy += 1;
    this.#cancelRevival();
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  /** Makes its process run and waits until it tells of itself. Errors: START_FAILED, HIVE_NOT_INSTALLED, HIVE_UNREACHABLE. */
  async start(call: RemoteCall): Promise<void> {
    await this.onPurpose(() => this.#ensure(call));
    await this.keepRunning();
  }

  /** It runs, and is to: from now on it is started again whenever its process is gone. */
  async keepRunning(): Promise<void> {
    this.#wanted = true;
    this.#reviveMs = reviveMs.first;
    await this.#rememberStopped(false);
  }

  /** Ends its process; its workers go on. */
  async stop(call: RemoteCall): Promise<void> {
    this.#wanted = false;
    await this.onPurpose(() =>
      this.withAgentIfThere(call, async (agent) => {
        const installed = agent ? await installedOn(agent) : null;
        const { narrate } = call;
        narrate({ kind: 'step', id: 'stop hive', text: 'stopping hive' });
        const stopped = agent && installed ? await this.daemon(agent, installed).stop(call) : false;
        const text = stopped ? 'hive stopped, its workers go on' : 'hive was not running';
        narrate({ kind: 'done', id: 'stop hive', text });
      }),
    );
    this.member.stop(stoppedReason);
    await this.#rememberStopped(true);
  }

  /** Waits until it tells of itself, as the build that is asked for: one that goes may still be the last that was heard. */
  async online(signal?: AbortSignal, build?: string): Promise<void> {
    this.member.start();
    const isIt = (state: HiveState): boolean => build === undefined || state.build === build;
    if (await this.member.online(onlineMs, signal, isIt)) return;
    signal?.throwIfAborted();
    throw RbeeError.of('HIVE_UNREACHABLE', { hive: this.alias, problem: this.member.reason ?? 'no heartbeat' });
  }

  /** Its heartbeats broke: when its machine answers and its process is gone, it is started again. */
  broken(error: unknown): void {
    if (!this.#wanted || this.#closed || this.#busy > 0 || this.#reviving) return;
    if (!(error instanceof RbeeError) || error.code !== 'HIVE_UNREACHABLE') return;
    if (performance.now() - this.#revivedAt > 2 * reviveMs.most) this.#reviveMs = reviveMs.first;
    this.#reviving = setTimeout(() => {
      this.#reviving = undefined;
      this.#revivedAt = performance.now();
      if (!this.#wanted || this.#closed || this.#busy > 0 || this.member.isHeard) return;
      const quiet: RemoteCall = { signal: AbortSignal.timeout(60_000), narrate: () => {} };
      this.onPurpose(() => this.#ensure(quiet)).catch((failure) => {
        const { code, message } = asRbeeError(failure, `the start of hive ${this.alias}`);
        // While its machine is away there is nothing to be said about the hive, nor held against it.
        const isAway = code.startsWith('SSH_');
        if (isAway) this.#reviveMs = reviveMs.first;
        const level = isAway ? 'debug' : 'error';
        this.#parts.logger[level]({ hive: this.alias, problem: message }, 'the hive cannot be started again');
      });
    }, this.#reviveMs).unref();
    this.#reviveMs = Math.min(this.#reviveMs * 2, reviveMs.most);
  }

  /** Lets go of it; it and its workers go on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = false;
    this.#cancelRevival();
    this.#parts.fleet.remove(this.alias);
    await this.connection.client.close();
    this.#drop(this.#held);
  }

  async #ensure(call: RemoteCall): Promise<void> {
    await this.withAgentIfThere(call, async (agent) => {
      const installed = agent ? await installedOn(agent) : null;
      if (!agent || !installed) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: this.alias });
      await this.remember(agent, installed);
      await agent.call('mkdir', [agent.hello.paths.state], call.signal);
      await this.run(agent, installed, call);
    });
    await this.online(call.signal);
  }

  /** Makes its process run, listening where a way leads to. Errors: START_FAILED, SSH_FORWARDING_REFUSED. */
  async run(agent: AgentClient, installed: string, call: RemoteCall): Promise<void> {
    const { toSockets } = await checkForwarding(await this.reach(call), agent, call.signal);
    const port = toSockets ? null : this.hivePort;
    const isOther = port !== this.#port;
    this.#port = port;
    const daemon = this.daemon(agent, installed);
    const mustRestart = isOther && (await daemon.status()).status === 'running';
    const { started } = mustRestart ? await daemon.restart(call) : await daemon.ensureRunning(call);
    await this.remember(agent, installed, started ? this.workerPorts : undefined);
  }

  /** Keeps what a queen that starts later needs to find it. `workerPorts` are those that it was started with just now. */
  async remember(agent: AgentClient, installed: string, workerPorts?: string): Promise<void> {
    const { platform, paths } = agent.hello;
    const { remembered } = this.#parts;
    const known = remembered.get(this.alias);
    const ports = workerPorts ?? known?.workerPorts;
    const written = this.#port === null ? null : await agent.call('read', [hiveToken(paths)]);
    // It becomes part of a header: what no hive makes is none.
    const token = /^[0-9a-f]{64}$/.exec(written?.trim() ?? '')?.[0] ?? null;
    await remembered.set(this.alias, {
      target: this.target,
      platform: `${platform.os}-${platform.cpu}`,
      hiveSocket: paths.hiveSocket,
      installed,
      ...(this.#port !== null && token !== null && { hivePort: { port: this.#port, token } }),
      ...(ports !== undefined && { workerPorts: ports }),
      ...(known?.stopped && { stopped: true }),
    });
  }

  async #rememberStopped(stopped: boolean): Promise<void> {
    const { remembered } = this.#parts;
    const known = remembered.get(this.alias);
    if (!known) return;
    const { stopped: _, ...rest } = known;
    await remembered.set(this.alias, stopped ? { ...rest, stopped } : rest);
  }

  /** What is open is used as it is: to see where a machine is takes a program of its own. */
  async #connect(asker?: RemoteCall): Promise<SshConnection> {
    if (this.#open?.isOpen) return this.#open;
    const { target } = this;
    const connection = await this.#parts.pool.connect(target, asker);
    if (target === this.target) this.#open = connection;
    return connection;
  }

  async #uploadQuietly(file: string, path: string): Promise<void> {
    const connection = await this.#connect();
    await this.#parts.uploads.upload(this.#parts.pool.settingsOf(connection), file, path);
  }

  async #dialHive() {
    const connection = await this.#dial();
    const known = this.#parts.remembered.get(this.alias);
    if (!known) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: this.alias });
    return known.hivePort ? connection.dialPort(known.hivePort.port) : connection.dialSocket(known.hiveSocket);
  }

  async #dialPort(port: number) {
    return (await this.#dial()).dialPort(port);
  }

  /** Nobody waits for these; a machine that has refused for good is not asked again at once. */
  async #dial(): Promise<SshConnection> {
    if (this.#refusal && performance.now() < this.#refusal.until) throw this.#refusal.error;
    try {
      const connection = await this.#connect();
      this.#refusal = undefined;
      return connection;
    } catch (thrown) {
      const error = asRbeeError(thrown, `hive ${this.alias}`);
      if (lasting.has(error.code)) {
        const ms = Math.min((this.#refusal?.ms ?? peaceMs.first / 2) * 2, peaceMs.most);
        this.#refusal = { error, until: performance.now() + ms, ms };
      }
      throw error;
    }
  }

  async #withAgent<Result>(
    call: RemoteCall,
    bring: (host: BareHost) => boolean,
    work: (there: AgentClient | BareHost) => Promise<Result>,
  ): Promise<Result> {
    const connection = await this.reach(call);
    let held = this.#held;
    const there = held && (await held.agent.catch(() => null));
    if (!held || !(there instanceof AgentClient) || !there.isOpen) {
      const parts = this.#parts;
      const agent = findAgent(connection, parts, call.signal).then((found) =>
        found instanceof AgentClient || !bring(found) ? found : bringAgent(connection, found, parts, call),
      );
      held = { agent, users: 0 };
      this.#held = held;
    }
    clearTimeout(held.idle);
    held.users += 1;
    try {
      return await work(await held.agent);
    } catch (error) {
      if (error instanceof RbeeError && error.code === 'HIVE_PROTOCOL_ERROR') this.member.fault(error);
      if (!(error instanceof AgentFailure)) throw error;
      const details = { hive: this.alias, what: 'the agent of rbee', problem: error.message };
      throw RbeeError.of('HOST_COMMAND_FAILED', details, { cause: error });
    } finally {
      held.users -= 1;
      if (held.users === 0) {
        const idle = held;
        idle.idle = setTimeout(() => this.#drop(idle), agentIdleMs).unref();
      }
    }
  }

  #drop(held: Held | undefined): void {
    if (this.#held === held) this.#held = undefined;
    clearTimeout(held?.idle);
    held?.agent.then(
      (agent) => agent instanceof AgentClient && agent.close(),
      () => {},
    );
  }

  #cancelRevival(): void {
    clearTimeout(this.#reviving);
    this.#reviving = undefined;
  }
}

/** What `current` names on a machine: `<version>-<hash8>`. */
export const installedOn = async (agent: AgentClient): Promise<string | null> => {
  const target = await agent.call('readLink', [`${agent.hello.paths.data}/current`]);
  return target?.split('/').at(-1) ?? null;
};
