/** The process of a hive on another machine: starts and stops it through an agent, and stores how to find it again. */
import { RbeeError } from '../../contract/errors.ts';
import { Daemon } from '../../lifecycle/daemon/daemon.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import { checkForwarding } from '../../ssh/check-forwarding.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import { type BringDeps, installedOn } from '../link/bring-agent.ts';
import type { MachineLink } from '../link/machine-link.ts';
import type { MachineStore } from '../link/machine-store.ts';
import type { RemoteCall } from '../provision/machine.ts';
import { hiveSpec, hiveTokenPath } from './hive-spec.ts';

export interface RemoteDaemonDeps extends Pick<BringDeps, 'pool' | 'uploads'> {
  machineStore: MachineStore;
}

export interface DaemonPorts {
  /** Loopback port on its machine, used if sshd does not forward to sockets. */
  hivePort: number;
  /** Ports for its workers, `first-last`; applied at its next start. */
  workerPorts: string;
}

export class RemoteDaemon {
  readonly #link: MachineLink;
  readonly #ports: Readonly<DaemonPorts>;
  readonly #deps: RemoteDaemonDeps;
  /** The port that it listens on beside its socket, as far as is known. */
  #port: number | null;

  /** `ports` is read at each start. */
  constructor(link: MachineLink, ports: Readonly<DaemonPorts>, deps: RemoteDaemonDeps) {
    this.#link = link;
    this.#ports = ports;
    this.#deps = deps;
    this.#port = deps.machineStore.get(link.alias)?.hivePort?.port ?? null;
  }

  /** Its daemon. `installed` is the build that is started, `<version>-<hash8>`. */
  of(agent: AgentClient, installed: string): Daemon {
    const { hello } = agent;
    const { workerPorts } = this.#ports;
    return new Daemon({
      spec: () => hiveSpec(this.#link.alias, hello, { installed, port: this.#port, workerPorts }),
      runner: sshRunner(agent, (file, path) => this.#upload(file, path)),
      env: hello.env,
    });
  }

  /** Starts the build that is installed. Errors: HIVE_NOT_INSTALLED, and any from `run`. */
  async runInstalled(agent: AgentClient | null, call: RemoteCall): Promise<void> {
    const installed = agent ? await installedOn(agent) : null;
    if (!agent || !installed) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: this.#link.alias });
    await this.record(agent, installed);
    await agent.call('mkdir', [agent.hello.paths.state], call.signal);
    await this.run(agent, installed, call);
  }

  /** Starts it where the connection can reach it. Errors: START_FAILED, SSH_FORWARDING_REFUSED. */
  async run(agent: AgentClient, installed: string, call: RemoteCall): Promise<void> {
    const { toSockets } = await checkForwarding(await this.#link.reach(call), agent, call.signal);
    const { workerPorts, hivePort } = this.#ports;
    const port = toSockets ? null : hivePort;
    const hasMoved = port !== this.#port;
    this.#port = port;
    const daemon = this.of(agent, installed);
    const mustRestart = hasMoved && (await daemon.status()).status === 'running';
    const { started } = mustRestart ? await daemon.restart(call) : await daemon.ensureRunning(call);
    await this.record(agent, installed, started ? workerPorts : undefined);
  }

  /** Stops its process, and says so. Its workers keep running. */
  async stop(agent: AgentClient | null, call: RemoteCall): Promise<void> {
    const { narrate } = call;
    const installed = agent ? await installedOn(agent) : null;
    narrate({ kind: 'step', id: 'stop hive', text: 'stopping hive' });
    const stopped = agent && installed ? await this.of(agent, installed).stop(call) : false;
    const text = stopped ? 'hive stopped; its workers keep running' : 'hive was not running';
    narrate({ kind: 'done', id: 'stop hive', text });
  }

  /** Stores what a later queen needs to find it. Pass `workerPorts` if it was started with them just now. */
  async record(agent: AgentClient, installed: string, workerPorts?: string): Promise<void> {
    const { platform, paths } = agent.hello;
    const { machineStore } = this.#deps;
    const { alias, target } = this.#link;
    const known = machineStore.get(alias);
    const ports = workerPorts ?? known?.workerPorts;
    const written = this.#port === null ? null : await agent.call('read', [hiveTokenPath(paths)]);
    // The token is sent in a header, so only the exact form that hives write is accepted.
    const token = /^[0-9a-f]{64}$/.exec(written?.trim() ?? '')?.[0] ?? null;
    await machineStore.set(alias, {
      target,
      platform: `${platform.os}-${platform.cpu}`,
      hiveSocket: paths.hiveSocket,
      installed,
      ...(this.#port !== null && token !== null && { hivePort: { port: this.#port, token } }),
      ...(ports !== undefined && { workerPorts: ports }),
      ...(known?.stopped && { stopped: true }),
    });
  }

  async #upload(file: string, path: string): Promise<void> {
    const connection = await this.#link.reach();
    await this.#deps.uploads.upload(this.#deps.pool.settingsOf(connection), file, path);
  }
}
