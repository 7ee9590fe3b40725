/** Shares one agent on a machine between the jobs that work there, and keeps it for a while after the last one. */
import { RbeeError } from '../../contract/errors.ts';
import { AgentClient, AgentFailure } from '../../ssh/agent-client.ts';
import type { BareHost } from '../../ssh/bootstrap.ts';
import type { RemoteCall } from '../provision/machine.ts';
import { type BringDeps, bringAgent, findAgent } from './bring-agent.ts';
import type { MachineLink } from './machine-link.ts';

interface Held {
  agent: Promise<AgentClient | BareHost>;
  users: number;
  idle?: NodeJS.Timeout;
}

const idleMs = 15_000;

export class AgentLease {
  readonly #link: MachineLink;
  readonly #deps: BringDeps;
  readonly #onFault: (error: RbeeError) => void;
  #held: Held | undefined;

  /** `onFault` is called when the agent breaks the protocol (HIVE_PROTOCOL_ERROR). */
  constructor(link: MachineLink, deps: BringDeps, onFault: (error: RbeeError) => void) {
    this.#link = link;
    this.#deps = deps;
    this.#onFault = onFault;
  }

  /** Works with an agent, and installs one if the machine has none. Errors: SSH_*, HOST_*, UPLOAD_FAILED. */
  use<Result>(call: RemoteCall, work: (agent: AgentClient) => Promise<Result>): Promise<Result> {
    return this.#use(
      call,
      () => true,
      (agent) => work(agent as AgentClient),
    );
  }

  /** Like `use`, but passes null and installs nothing if rbee is not on the machine. */
  useIfInstalled<Result>(call: RemoteCall, work: (agent: AgentClient | null) => Promise<Result>): Promise<Result> {
    const isInstalled = ({ installed }: BareHost) => installed !== null;
    return this.#use(call, isInstalled, (agent) => work(agent instanceof AgentClient ? agent : null));
  }

  /** Like `use`, but never changes the machine: if it has no agent, passes a description of the bare host instead. */
  inspect<Result>(call: RemoteCall, work: (found: AgentClient | BareHost) => Promise<Result>): Promise<Result> {
    return this.#use(call, () => false, work);
  }

  /** Ends the agent that is kept for the next job. */
  close(): void {
    this.#drop(this.#held);
  }

  async #use<Result>(
    call: RemoteCall,
    bring: (host: BareHost) => boolean,
    work: (found: AgentClient | BareHost) => Promise<Result>,
  ): Promise<Result> {
    const connection = await this.#link.reach(call);
    let held = this.#held;
    const current = held && (await held.agent.catch(() => null));
    if (!held || !(current instanceof AgentClient) || !current.isOpen) {
      const agent = findAgent(connection, this.#deps, call.signal).then((found) =>
        found instanceof AgentClient || !bring(found) ? found : bringAgent(connection, found, this.#deps, call),
      );
      held = { agent, users: 0 };
      this.#held = held;
    }
    clearTimeout(held.idle);
    held.users += 1;
    try {
      return await work(await held.agent);
    } catch (error) {
      if (error instanceof RbeeError && error.code === 'HIVE_PROTOCOL_ERROR') this.#onFault(error);
      if (!(error instanceof AgentFailure)) throw error;
      const details = { hive: this.#link.alias, what: 'the agent of rbee', problem: error.message };
      throw RbeeError.of('HOST_COMMAND_FAILED', details, { cause: error });
    } finally {
      held.users -= 1;
      if (held.users === 0) {
        const idle = held;
        idle.idle = setTimeout(() => this.#drop(idle), idleMs).unref();
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
}
