/**
 * One connection to each machine, shared by all who need it, made again when it is asked for after it was lost. What a
 * person has to decide (a new host key, a passphrase) is asked through whoever asks for the connection.
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
  /** Milliseconds for each of dialling and the handshake. */
  timeoutMs: number;
}

/** Who asks for a connection, and what they can decide. */
export interface Asker {
  signal?: AbortSignal;
  /** Socket of the SSH agent of the person who asks; remembered for later connections. */
  agent?: string;
  /** Takes the key of a host that was never seen before without asking. */
  acceptNewHostKeys?: boolean;
  /** Puts a question to the person; absent where nobody is there. */
  ask?: (question: string, choices?: readonly string[], secret?: boolean) => Promise<string>;
}

/** What another thread needs to open the same connection for itself. */
export interface RouteSettings {
  route: readonly Hop[];
  settings: OpenSettings;
}

/** Handshakes at a time, in all and through one jump host: sshd turns away more than ten that have not logged in. */
const mostHandshakes = 16;
const mostThroughJump = 4;
const mostPassphrases = 3;

interface Kept {
  connection: SshConnection;
  /** Who goes through this one: it is closed with the last of them. */
  through: Set<object>;
  /** Someone asked for it by itself, so it stays. */
  wanted: boolean;
}

export class SshPool {
  readonly #options: PoolOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #opening = new Map<string, { attempt: Promise<Kept>; asker: Asker }>();
  readonly #handshakes = new Semaphore(mostHandshakes);
  readonly #throughJump = new Map<string, Semaphore>();
  readonly #passphrases = new Map<string, string>();
  /** Only what no file of known hosts could keep: otherwise the files are the truth. */
  readonly #accepted = new Map<string, string[]>();
  #agent: string | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Errors: SSH_*; CANCELLED by the asker's signal. */
  async connect(target: SshTarget, asker: Asker = {}): Promise<SshConnection> {
    if (asker.agent !== undefined) this.#agent = asker.agent;
    const { env, runner } = this.#options;
    const route = await resolveTarget(target, { env, runner, agent: this.#agent, signal: asker.signal });
    const kept = await this.#open(route, asker);
    kept.wanted = true;
    return kept.connection;
  }

  /** The way to a machine, as it would be gone; nothing is dialled. Errors: SSH_CONFIG_INVALID. */
  route(target: SshTarget, { signal, agent = this.#agent }: Asker = {}): Promise<Hop[]> {
    const { env, runner } = this.#options;
    return resolveTarget(target, { env, runner, agent, signal });
  }

  /** A connection that nobody shares, however many are open: whoever tries the way has to go it. Errors: SSH_*. */
  async connectAnew(target: SshTarget, asker: Asker = {}): Promise<SshConnection> {
    const route = await this.route(target, asker);
    const clients = await openRoute(route, this.#settings(), asker.signal);
    return wholeRoute(route, clients);
  }

  /** For uploads, which have a connection of their own. Passphrases are among it: never to be written down. */
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
    const limit = this.#throughJump.get(key) ?? new Semaphore(mostThroughJump);
    this.#throughJump.set(key, limit);
    return limit.within(work, signal);
  }

  /** Opens as often as there are questions to be answered. */
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
      const question = `hive ${hop.name} (${addressOf(hop)}) shows a host key that was never seen before: ${shown}. Is it the right one?`;
      if ((await ask(question, ['yes', 'no'])) !== 'yes') throw unknownKey(hop, key);
    }
    if (await isKept(hop, key)) return;
    const { knownAs } = hop;
    this.#accepted.set(knownAs, [...(this.#accepted.get(knownAs) ?? []), key.toString('base64')]);
  }

  async #askPassphrase({ hop, file, wrong }: PassphraseNeeded, { ask }: Asker, times: number): Promise<void> {
    this.#passphrases.delete(file);
    if (!ask || times > mostPassphrases) {
      const problem = wrong ? 'the passphrase is wrong' : 'there is nobody to ask for its passphrase';
      throw keyEncrypted(hop, file, problem);
    }
    const answer = await ask(`${wrong ? 'That was wrong. ' : ''}Passphrase of the key ${file}:`, undefined, true);
    // Nobody knows it.
    if (answer === '')
      throw RbeeError.of('SSH_KEY_ENCRYPTED', { hive: hop.name, file, problem: 'no passphrase was given' });
    this.#passphrases.set(file, answer);
  }
}

/** Adds the key to the known ones. False when no file keeps it: as with OpenSSH, that is no reason to refuse the host. */
const isKept = async ({ knownAs, hashNames, newKeysFile }: Hop, key: Buffer): Promise<boolean> => {
  if (newKeysFile === null || newKeysFile === '/dev/null') return false;
  await addKnownKey(newKeysFile, { knownAs, key, hashNames }).catch(() => {});
  const known = await readKnownKeys([newKeysFile], knownAs);
  return known.some((one) => one.key === key.toString('base64'));
};

/** A connection with jump hosts of its own. */
const wholeRoute = (route: readonly Hop[], clients: readonly Client[]): SshConnection => {
  const connection = new SshConnection(route, clients.at(-1)!, { hostKey: null, authentication: null });
  connection.onClose(() => {
    for (const client of clients.slice(0, -1)) client.end();
  });
  return connection;
};

/** Keeps it open; the answer lets go of it, and closes it when nobody else needs it. */
const goThrough = (before: Kept): (() => void) => {
  const me = {};
  before.through.add(me);
  return () => {
    if (before.through.delete(me) && before.through.size === 0 && !before.wanted) before.connection.close();
  };
};

/** Someone else's attempt was given up, or failed for what this one has: somebody to ask, another agent. */
const knowsBetter = (mine: Asker, theirs: Asker, error: unknown): boolean => {
  if (!(error instanceof RbeeError)) return (error as Error | undefined)?.name === 'AbortError';
  if (error.code === 'CANCELLED') return true;
  if (error.code === 'SSH_AUTH_FAILED') return mine.agent !== undefined && mine.agent !== theirs.agent;
  if (error.code === 'SSH_HOST_KEY_UNKNOWN' && mine.acceptNewHostKeys) return !theirs.acceptNewHostKeys;
  const isQuestion = error.code === 'SSH_HOST_KEY_UNKNOWN' || error.code === 'SSH_KEY_ENCRYPTED';
  return isQuestion && mine.ask !== undefined && theirs.ask === undefined;
};
