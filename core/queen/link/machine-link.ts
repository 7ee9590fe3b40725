/** The SSH connection to one machine: where the machine is, what is open, and how long to back off after a refusal. */
import { asRbeeError, type ErrorCode, type RbeeError } from '../../contract/errors.ts';
import { probeForwarding } from '../../ssh/check-forwarding.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import type { Asker, SshPool } from '../../ssh/pool.ts';
import type { Hop, SshTarget } from '../../ssh/target.ts';

export class MachineLink {
  readonly alias: string;
  readonly #pool: SshPool;
  #target: SshTarget;
  #open: SshConnection | undefined;
  #refusal: Refusal | undefined;

  /** Dials nothing. */
  constructor(target: SshTarget, pool: SshPool) {
    this.alias = target.alias;
    this.#target = target;
    this.#pool = pool;
  }

  get target(): SshTarget {
    return this.#target;
  }

  /** Future connections go to this address. Connections that are open stay open. */
  retarget(target: SshTarget): void {
    if (JSON.stringify(target) === JSON.stringify(this.#target)) return;
    this.#target = target;
    this.#refusal = undefined;
    this.#open = undefined;
  }

  /** An open connection for a job. A person is waiting, so an earlier refusal does not delay it. Errors: SSH_*. */
  async reach(asker?: Asker): Promise<SshConnection> {
    const connection = await this.#connect(asker);
    this.#refusal = undefined;
    return connection;
  }

  /** An open connection for heartbeats and requests. Backs off after a permanent refusal. Errors: SSH_*. */
  async dial(): Promise<SshConnection> {
    if (this.#refusal && performance.now() < this.#refusal.until) throw this.#refusal.error;
    try {
      return await this.reach();
    } catch (thrown) {
      const error = asRbeeError(thrown, `hive ${this.alias}`);
      if (permanentErrors.has(error.code)) this.#refusal = nextRefusal(this.#refusal, error, performance.now());
      throw error;
    }
  }

  /** The hops to the machine, the machine itself last. Dials nothing. */
  route(asker: Asker): Promise<readonly Hop[]> {
    return this.#pool.route(this.#target, asker);
  }

  /** Opens a new connection even if one is open, and checks that it can reach `port`. Errors: SSH_*. */
  async probeRoute(port: number, asker: Asker): Promise<void> {
    const connection = await this.#pool.connectAnew(this.#target, asker);
    try {
      await probeForwarding(connection, port);
    } finally {
      connection.close();
    }
  }

  /** Reuses an open connection without resolving the target again, which would start a process. */
  async #connect(asker?: Asker): Promise<SshConnection> {
    if (this.#open?.isOpen) return this.#open;
    const target = this.#target;
    const connection = await this.#pool.connect(target, asker);
    if (target === this.#target) this.#open = connection;
    return connection;
  }
}

interface Refusal {
  error: RbeeError;
  /** By `performance.now()`. */
  until: number;
  backoffMs: number;
}

/** Back-off after a permanent refusal: repeated attempts can trip fail2ban. */
const refusalBackoffMs = { first: 30_000, max: 600_000 };

/** Errors that only a person can fix. */
const permanentErrors = new Set<ErrorCode>([
  'SSH_AUTH_FAILED',
  'SSH_KEY_ENCRYPTED',
  'SSH_HOST_KEY_CHANGED',
  'SSH_HOST_KEY_UNKNOWN',
  'SSH_CONFIG_INVALID',
  'SSH_SHELL_UNUSABLE',
  'SSH_FORWARDING_REFUSED',
]);

const nextRefusal = (last: Refusal | undefined, error: RbeeError, now: number): Refusal => {
  const backoffMs = last ? Math.min(last.backoffMs * 2, refusalBackoffMs.max) : refusalBackoffMs.first;
  return { error, until: now + backoffMs, backoffMs };
};
