/** An open connection to one machine, which runs programs and connects to sockets there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { RbeeError } from '../contract/errors.ts';
import { Semaphore } from '../lifecycle/async/semaphore.ts';
import { connectionLost, isProhibited, plainReason } from './refusals.ts';
import type { Hop } from './target.ts';
import { TunnelSocket } from './tunnel-socket.ts';

/** By default, sshd allows ten sessions per connection. Forwarded sockets do not count. */
const maxSessions = 8;
const sessionTries = 20;
const sessionPauseMs = 100;
const closeMs = 1_000;

export interface Shown {
  hostKey: { type: string; fingerprint: string } | null;
  /** Description for users: `a key of the SSH agent`, or a path. */
  authentication: string | null;
}

/** Opens another connection to the same machine. */
type Another = (signal?: AbortSignal) => Promise<SshConnection>;

export class SshConnection {
  /** Alias of the machine, for messages. */
  readonly name: string;
  readonly route: readonly Hop[];
  /** The host key, and the accepted login method. */
  readonly shown: Shown;
  readonly #client: Client;
  readonly #another: Another | undefined;
  readonly #sessions = new Semaphore(maxSessions);
  #open = 0;
  readonly #onClose = new Set<(error: Error) => void>();
  /** Aborts waiting for a session when the connection is gone. */
  readonly #over = new AbortController();
  #lost: Error | null = null;

  /** `client` must be ready. `another` opens connections for sessions that do not fit on this one. */
  constructor(route: readonly Hop[], client: Client, shown: Shown, another?: Another) {
    this.shown = shown;
    this.#another = another;
    this.name = route.at(-1)?.name ?? '';
    this.route = route;
    this.#client = client;
    client.on('error', (error) => this.#end(error));
    client.on('close', () => this.#end(new Error('the machine closed it')));
  }

  get isOpen(): boolean {
    return this.#lost === null;
  }

  /** The client of ssh2, to connect to the next hop. */
  get client(): Client {
    return this.#client;
  }

  /** Called once, immediately if already closed. Returns a function to unsubscribe. */
  onClose(listener: (error: Error) => void): () => void {
    if (this.#lost) listener(this.#lost);
    else this.#onClose.add(listener);
    return () => this.#onClose.delete(listener);
  }

  /** Runs a command line in the user's login shell. The number of sessions is limited; a session is released when it closes. */
  async exec(command: string, signal?: AbortSignal): Promise<ClientChannel> {
    const leave = await this.#turn(signal);
    this.#open += 1;
    const end = () => {
      this.#open -= 1;
      leave();
    };
    try {
      const channel = await this.#session(command, signal);
      channel.once('close', end);
      return channel;
    } catch (error) {
      end();
      if (error instanceof RbeeError || this.#lost) throw this.#explain(error, 'a session');
      signal?.throwIfAborted();
      throw noSession(this, error as Error);
    }
  }

  /** Connects to a unix socket of the machine. Errors: ECONNREFUSED in `code` if nothing listens, SSH_FORWARDING_REFUSED. */
  async dialSocket(path: string): Promise<TunnelSocket> {
    try {
      const dial = (done: Done<ClientChannel>) => this.#client.openssh_forwardOutStreamLocal(path, done);
      return this.#tunnel(await this.#ask<ClientChannel>(dial));
    } catch (error) {
      throw this.#explain(error, `the socket ${path}`);
    }
  }

  /** Connects to a loopback port of the machine. Errors as above. */
  async dialPort(port: number): Promise<TunnelSocket> {
    try {
      const dial = (done: Done<ClientChannel>) => this.#client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, done);
      return this.#tunnel(await this.#ask<ClientChannel>(dial));
    } catch (error) {
      throw this.#explain(error, `port ${port}`);
    }
  }

  /** Closes the connection, and with it everything that runs through it. */
  close(reason: Error = new Error('it was closed')): void {
    if (this.#lost) return;
    this.#end(reason);
    this.#client.end();
    // Does not wait for a machine that no longer answers.
    setTimeout(() => this.#client.destroy(), closeMs).unref();
  }

  /**
   * If MaxSessions leaves no room, the next session gets its own connection. With
   * no other session open, it is retried: sshd counts a session for a moment after its end.
   */
  async #session(command: string, signal?: AbortSignal): Promise<ClientChannel> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#ask<ClientChannel>((done) => this.#client.exec(command, done));
      } catch (error) {
        if (error instanceof RbeeError || this.#lost) throw error;
        if (this.#open > 1 && this.#another) return this.#elsewhere(this.#another, command, signal);
        if (tries === sessionTries) throw error;
        await sleep(sessionPauseMs, undefined, { signal });
      }
    }
  }

  async #elsewhere(another: Another, command: string, signal?: AbortSignal): Promise<ClientChannel> {
    const connection = await another(signal);
    const closeIt = () => connection.close();
    // It belongs to this connection, and is closed with it.
    const forget = this.onClose(closeIt);
    connection.onClose(forget);
    try {
      const channel = await connection.exec(command, signal);
      channel.once('close', closeIt);
      return channel;
    } catch (error) {
      closeIt();
      throw error;
    }
  }

  async #turn(signal?: AbortSignal): Promise<() => void> {
    try {
      return await this.#sessions.enter(signal ? AbortSignal.any([signal, this.#over.signal]) : this.#over.signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#lost ? connectionLost(this.name, this.#lost) : error;
    }
  }

  #tunnel(channel: ClientChannel): TunnelSocket {
    return new TunnelSocket(channel, () => this.#lost);
  }

  #ask<Answer>(start: (done: Done<Answer>) => unknown): Promise<Answer> {
    if (this.#lost) return Promise.reject(connectionLost(this.name, this.#lost));
    return new Promise((resolve, reject) => {
      const forget = this.onClose((error) => reject(connectionLost(this.name, error)));
      try {
        start((error, answer) => {
          forget();
          if (error) reject(error);
          else resolve(answer);
        });
      } catch (error) {
        // ssh2 throws synchronously when its socket is gone, and gives the reason later.
        forget();
        const gone = (error as Error).message === 'Not connected';
        reject(gone ? connectionLost(this.name, this.#lost ?? new Error('it is being closed')) : error);
      }
    });
  }

  #explain(error: unknown, what: string): unknown {
    if (error instanceof RbeeError) return error;
    if (this.#lost) return connectionLost(this.name, this.#lost);
    const refusal = error as Error;
    // ssh2 only supports unix sockets for OpenSSH servers.
    if (isProhibited(refusal) || refusal.message.includes('strictVendor')) {
      return RbeeError.of('SSH_FORWARDING_REFUSED', { hive: this.name, what }, { cause: error });
    }
    // The same error as for a local socket: nothing listens there.
    return Object.assign(new Error(plainReason(refusal), { cause: error }), { code: 'ECONNREFUSED' });
  }

  #end(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    const listeners = [...this.#onClose];
    this.#onClose.clear();
    this.#over.abort();
    for (const listener of listeners) listener(error);
  }
}

const noSession = ({ name, route }: SshConnection, cause: Error): RbeeError => {
  const problem = `its SSH server does not open a session (${plainReason(cause)})`;
  const hint = 'set MaxSessions in its sshd_config to 1 or more: with 0, no program can be run';
  const user = route.at(-1)?.user ?? '';
  return RbeeError.of('SSH_SHELL_UNUSABLE', { hive: name, user, problem, hint }, { cause });
};

type Done<Answer> = (error: Error | undefined, answer: Answer) => void;
