/** A hive on another machine: how it is reached, started, stopped, and brought back when it or its machine was away. */
import type { FastifyBaseLogger } from 'fastify';
import { asRbeeError, type ErrorCode, RbeeError } from '../../contract/errors.ts';
import type { HiveState } from '../../contract/hive-api.ts';
import type { Narrate } from '../../contract/narration.ts';
import { createHiveClient } from '../../hive/client.ts';
import { Daemon } from '../../lifecycle/daemon.ts';
import { AgentClient } from '../../ssh/agent-client.ts';
import type { BareHost } from '../../ssh/bootstrap.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import type { Asker, SshPool } from '../../ssh/pool.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import type { SshTarget } from '../../ssh/target.ts';
import type { Uploads } from '../../ssh/upload/uploads.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HiveConnection } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import { bringAgent, findAgent, uploadTo } from './bring-agent.ts';
import type { Bundles } from './bundles.ts';
import { hiveSpec } from './hive-spec.ts';
import type { Remembered } from './remembered.ts';

export interface RemoteHiveParts {
  fleet: Fleet;
  pool: SshPool;
  uploads: Uploads;
  bundles: Bundles;
  remembered: Remembered;
  logger: FastifyBaseLogger;
}

/** Who asks, and who listens. */
export interface RemoteCall extends Asker {
  signal: AbortSignal;
  narrate: Narrate;
  offline?: boolean;
}

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

export class RemoteHive {
  readonly alias: string;
  readonly connection: HiveConnection;
  readonly member: Member;
  target: SshTarget;
  /** Is it started again whenever its machine answers and it does not run? */
  autoStart: boolean;
  readonly #parts: RemoteHiveParts;
  #held: Held | undefined;
  /** Something is being done with it on purpose. */
  #busy = 0;
  #wanted = false;
  #closed = false;
  #reviving: NodeJS.Timeout | undefined;
  #reviveMs = reviveMs.first;
  #refusal: { error: RbeeError; until: number; ms: number } | undefined;

  /** Adds it to the fleet; nothing is dialled yet. */
  constructor(target: SshTarget, autoStart: boolean, parts: RemoteHiveParts) {
    this.alias = target.alias;
    this.target = target;
    this.autoStart = autoStart;
    this.#parts = parts;
    const client = createHiveClient({ hive: this.alias, connect: { dial: () => this.#dialHive() } });
    this.connection = { alias: this.alias, mode: 'ssh', client, dial: (port) => this.#dialPort(port) };
    this.member = parts.fleet.add(this.connection);
    if (!parts.remembered.get(this.alias)) this.member.stop('nothing is installed there yet: run rbee sync');
  }

  /** Begins to look for it, without starting it where it does not run, unless that is what the configuration wants. */
  meet(): void {
    if (this.#closed || !this.#parts.remembered.get(this.alias)) return;
    this.#wanted = this.autoStart;
    this.member.start();
  }

  /** Its machine is to be found elsewhere from now on; what is open stays so. */
  retarget(target: SshTarget): void {
    if (JSON.stringify(target) === JSON.stringify(this.target)) return;
    this.target = target;
    this.#refusal = undefined;
  }

  /** An open connection to its machine. Whoever asks for it on purpose is not told of earlier refusals. */
  async reach(call: RemoteCall): Promise<SshConnection> {
    const connection = await this.#parts.pool.connect(this.target, call);
    this.#refusal = undefined;
    return connection;
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
    this.#dropAgent();
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
      spec: () => hiveSpec(this.alias, hello, installed),
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
    this.#wanted = true;
    this.#reviveMs = reviveMs.first;
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
    this.member.stop('it was stopped');
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
    this.#reviving = setTimeout(() => {
      this.#reviving = undefined;
      if (!this.#wanted || this.#closed || this.#busy > 0 || this.member.status === 'online') return;
      const quiet: RemoteCall = { signal: AbortSignal.timeout(60_000), narrate: () => {} };
      this.onPurpose(() => this.#ensure(quiet)).then(
        () => {
          this.#reviveMs = reviveMs.first;
        },
        (failure) => this.#parts.logger.error({ hive: this.alias, err: failure }, 'the hive cannot be started again'),
      );
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
    this.#dropAgent();
  }

  async #ensure(call: RemoteCall): Promise<void> {
    await this.withAgentIfThere(call, async (agent) => {
      const installed = agent ? await installedOn(agent) : null;
      if (!agent || !installed) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: this.alias });
      await this.remember(agent, installed);
      await agent.call('mkdir', [agent.hello.paths.state], call.signal);
      await this.daemon(agent, installed).ensureRunning(call);
    });
    await this.online(call.signal);
  }

  /** What a queen that starts later needs to find it. */
  remember({ hello }: AgentClient, installed: string): Promise<void> {
    return this.#parts.remembered.set(this.alias, {
      target: this.target,
      platform: `${hello.platform.os}-${hello.platform.cpu}`,
      hiveSocket: hello.paths.hiveSocket,
      installed,
    });
  }

  async #uploadQuietly(file: string, path: string): Promise<void> {
    const connection = await this.#parts.pool.connect(this.target);
    await this.#parts.uploads.upload(this.#parts.pool.settingsOf(connection), file, path);
  }

  async #dialHive() {
    const connection = await this.#dial();
    const known = this.#parts.remembered.get(this.alias);
    if (!known) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: this.alias });
    return connection.dialSocket(known.hiveSocket);
  }

  async #dialPort(port: number) {
    return (await this.#dial()).dialPort(port);
  }

  /** Nobody waits for these; a machine that has refused for good is not asked again at once. */
  async #dial(): Promise<SshConnection> {
    if (this.#refusal && performance.now() < this.#refusal.until) throw this.#refusal.error;
    try {
      const connection = await this.#parts.pool.connect(this.target);
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
    } finally {
      held.users -= 1;
      if (held.users === 0) {
        const idle = held;
        idle.idle = setTimeout(() => {
          if (this.#held === idle) this.#dropAgent();
        }, agentIdleMs).unref();
      }
    }
  }

  #dropAgent(): void {
    const held = this.#held;
    this.#held = undefined;
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
