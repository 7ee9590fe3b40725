/**
 * One shared connection per machine, reopened on demand after it was lost. Decisions for the user (a new host key, a
 * passphrase) are requested through the caller that needs the connection.
 */
import type { Client } from 'ssh2';
import { RbeeError } from '../contract/errors.ts';
import { orAborted } from '../lifecycle/async/or-aborted.ts';
import { Semaphore } from '../lifecycle/async/semaphore.ts';
import type { Runner } from '../lifecycle/system/runner.ts';
import { SshConnection } from './connection.ts';
import { addKnownKey, fingerprint, keyType, readKnownKeys } from './known-hosts.ts';
import { type OpenSettings, openHop, openRoute, PassphraseNeeded, UnknownHostKey } from './open-connection.ts';
import { addressOf, keyEncrypted, unknownKey } from './refusals.ts';
import { resolveTarget } from './resolve-target.ts';
import { type Hop, routeKey, type SshTarget } from './target.ts';

export interface PoolOptions {
  env: NodeJS.ProcessEnv;
  /** Runs `ssh -G` on this machine. */
  runner: Pick<Runner, 'run'>;
  /** Timeout in milliseconds, for connecting and for the handshake. */
  timeoutMs: number;
}

/** The caller that needs a connection, and what it can decide. */
export interface Asker {
  signal?: AbortSignal;
  /** Socket of the caller's SSH agent; remembered for later connections. */
  agent?: string;
  /** Accepts the key of a new host without asking. */
  acceptNewHostKeys?: boolean;
  /** Asks the user; absent if no user is present. */
  ask?: (question: string, choices?: readonly string[], secret?: boolean) => Promise<string>;
}

/** What another thread needs to open the same connection. */
export interface RouteSettings {
  route: readonly Hop[];
  settings: OpenSettings;
}

/** Maximum concurrent handshakes, in total and through one jump host: sshd rejects more than ten unauthenticated ones. */
const maxHandshakes = 16;
const maxThroughJump = 4;
const maxPassphrases = 3;

interface Kept {
  connection: SshConnection;
  /** Connections through this one; it is closed with the last of them. */
  through: Set<object>;
  /** It was requested directly, so it stays open. */
  wanted: boolean;
}

export class SshPool {
  readonly #options: PoolOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #opening = new Map<string, { attempt: Promise<Kept>; asker: Asker }>();
  readonly #handshakes = new Semaphore(maxHandshakes);
  readonly #throughJump = new Map<string, Semaphore>();
  readonly #passphrases = new Map<string, string>();
  /** Only keys that could not be saved in a known_hosts file; otherwise the files decide. */
  readonly #accepted = new Map<string, string[]>();
  #agent: string | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Errors: SSH_*; CANCELLED by the caller's signal. */
  async connect(target: SshTarget, asker: Asker = {}): Promise<SshConnection> {
    if (asker.agent !== undefined) this.#agent = asker.agent;
    const { env, runner } = this.#options;
    const route = await resolveTarget(target, { env, runner, agent: this.#agent, signal: asker.signal });
    const kept = await this.#open(route, asker);
    kept.wanted = true;
    return kept.connection;
  }

  /** The route to a machine; does not connect. Errors: SSH_CONFIG_INVALID. */
  route(target: SshTarget, { signal, agent = this.#agent }: Asker = {}): Promise<Hop[]> {
    const { env, runner } = this.#options;
    return resolveTarget(target, { env, runner, agent, signal });
  }

  /** A new, unshared connection, to test the route. Errors: SSH_*. */
  async connectAnew(target: SshTarget, asker: Asker = {}): Promise<SshConnection> {
    const route = await this.route(target, asker);
    const clients = await openRoute(route, this.#settings(), asker.signal);
    return wholeRoute(route, clients);
  }

  /** For uploads, which use their own connections. Contains passphrases: never store or log it. */
  settingsOf(connection: SshConnection): RouteSettings {
    return { route: connection.route, settings: this.#settings() };
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of [...this.#kept.values()].reverse()) connection.close();
    this.#kept.clear();
  }

  #settings(): OpenSettings {
    const { timeoutMs } = this.#options;
    return { timeoutMs, passphrases: this.#passphrases, accepted: this.#accepted };
  }

  async #open(route: readonly Hop[], asker: Asker): Promise<Kept> {
    const key = routeKey(route);
    const there = this.#kept.get(key);
    if (there?.connection.isOpen) return there;
    const opening = this.#opening.get(key);
    if (opening) {
      return orAborted(opening.attempt, asker.signal).catch((error) => {
        asker.signal?.throwIfAborted();
        return knowsBetter(asker, opening.asker, error) ? this.#open(route, asker) : Promise.reject(error);
      });
    }
    const attempt = this.#openAnew(route, key, asker).finally(() => this.#opening.delete(key));
    this.#opening.set(key, { attempt, asker });
    return attempt;
  }

  async #openAnew(route: readonly Hop[], key: string, asker: Asker): Promise<Kept> {
    const before = route.length > 1 ? await this.#open(route.slice(0, -1), asker) : null;
    const leave = before ? goThrough(before) : () => {};
    try {
      const connection = await this.#connectAnew(route, before, asker);
      const kept: Kept = { connection, through: new Set(), wanted: false };
      this.#kept.set(key, kept);
      connection.onClose(() => {
        if (this.#kept.get(key) === kept) this.#kept.delete(key);
        leave();
      });
      return kept;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #connectAnew(route: readonly Hop[], before: Kept | null, asker: Asker): Promise<SshConnection> {
    const hop = route.at(-1)!;
    const { client, shown } = await this.#jumpLimit(before, () => this.#withAnswers(hop, before, asker), asker.signal);
    const another = async (signal?: AbortSignal) =>
      wholeRoute(route, await this.#handshakes.within(() => openRoute(route, this.#settings(), signal), signal));
    const connection = new SshConnection(route, client, shown, another);
    if (!this.#closed) return connection;
    connection.close();
    throw RbeeError.of('CANCELLED', { what: `the connection to ${hop.name}` });
  }

  #jumpLimit<Result>(before: Kept | null, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    if (before === null) return work();
    const key = routeKey(before.connection.route);
    const limit = this.#throughJump.get(key) ?? new Semaphore(maxThroughJump);
    this.#throughJump.set(key, limit);
    return limit.within(work, signal);
  }

  /** Retries after each answered question. */
  async #withAnswers(hop: Hop, before: Kept | null, asker: Asker) {
    const asked = new Map<string, number>();
    for (;;) {
      try {
        const through = before?.connection.client ?? null;
        return await this.#handshakes.within(() => openHop(hop, through, this.#settings(), asker.signal), asker.signal);
      } catch (error) {
        if (error instanceof UnknownHostKey) await this.#acceptKey(error, asker);
        else if (error instanceof PassphraseNeeded) {
          const times = (asked.get(error.file) ?? 0) + 1;
          asked.set(error.file, times);
          await this.#askPassphrase(error, asker, times);
        } else throw error;
      }
    }
  }

  async #acceptKey({ hop, key }: UnknownHostKey, { acceptNewHostKeys, ask }: Asker): Promise<void> {
    const taken = acceptNewHostKeys || hop.newKeys === 'accept-new';
    if (!taken) {
      if (hop.newKeys === 'yes' || !ask) throw unknownKey(hop, key);
      const shown = `${keyType(key)} ${fingerprint(key)}`;
      const question = `hive ${hop.name} (${addressOf(hop)}) has an unknown host key: ${shown}. Is this the right key?`;
      if ((await ask(question, ['yes', 'no'])) !== 'yes') throw unknownKey(hop, key);
    }
    if (await isKept(hop, key)) return;
    const { knownAs } = hop;
    this.#accepted.set(knownAs, [...(this.#accepted.get(knownAs) ?? []), key.toString('base64')]);
  }

  async #askPassphrase({ hop, file, wrong }: PassphraseNeeded, { ask }: Asker, times: number): Promise<void> {
    this.#passphrases.delete(file);
    if (!ask || times > maxPassphrases) {
      const problem = wrong
        ? 'the passphrase is wrong'
        : 'its passphrase is needed, and there is no terminal to ask for it';
      throw keyEncrypted(hop, file, problem);
    }
    const answer = await ask(`${wrong ? 'Wrong passphrase. ' : ''}Passphrase of the key ${file}:`, undefined, true);
    // The user gave no passphrase.
    if (answer === '')
      throw RbeeError.of('SSH_KEY_ENCRYPTED', { hive: hop.name, file, problem: 'no passphrase was given' });
    this.#passphrases.set(file, answer);
  }
}

/** Saves the key as known. False if no file can be written, which, as with OpenSSH, is no reason to refuse the host. */
const isKept = async ({ knownAs, hashNames, newKeysFile }: Hop, key: Buffer): Promise<boolean> => {
  if (newKeysFile === null || newKeysFile === '/dev/null') return false;
  await addKnownKey(newKeysFile, { knownAs, key, hashNames }).catch(() => {});
  const known = await readKnownKeys([newKeysFile], knownAs);
  return known.some((one) => one.key === key.toString('base64'));
};

/** A connection, with its jump hosts. */
const wholeRoute = (route: readonly Hop[], clients: readonly Client[]): SshConnection => {
  const connection = new SshConnection(route, clients.at(-1)!, { hostKey: null, authentication: null });
  connection.onClose(() => {
    for (const client of clients.slice(0, -1)) client.end();
  });
  return connection;
};

/** Keeps it open; call the result to release it, which closes it if it is no longer used. */
const goThrough = (before: Kept): (() => void) => {
  const me = {};
  before.through.add(me);
  return () => {
    if (before.through.delete(me) && before.through.size === 0 && !before.wanted) before.connection.close();
  };
};

/**
 * Whether this caller should connect again after another caller's attempt failed: that one was aborted, or lacked
 * something that this caller has, such as a user to ask or another SSH agent.
 */
const knowsBetter = (mine: Asker, theirs: Asker, error: unknown): boolean => {
  if (!(error instanceof RbeeError)) return (error as Error | undefined)?.name === 'AbortError';
  if (error.code === 'CANCELLED') return true;
  if (error.code === 'SSH_AUTH_FAILED') return mine.agent !== undefined && mine.agent !== theirs.agent;
  if (error.code === 'SSH_HOST_KEY_UNKNOWN' && mine.acceptNewHostKeys) return !theirs.acceptNewHostKeys;
  const isQuestion = error.code === 'SSH_HOST_KEY_UNKNOWN' || error.code === 'SSH_KEY_ENCRYPTED';
  return isQuestion && mine.ask !== undefined && theirs.ask === undefined;
};
