/** Opens an SSH connection through any number of jump hosts: connects, checks host keys, authenticates. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Client, ServerHostKeyAlgorithm } from 'ssh2';
import type { RbeeError } from '../contract/errors.ts';
import { type Attempts, authenticator, noAttempts } from './authenticate.ts';
import type { Shown } from './connection.ts';
import { fingerprint, type KnownKey, keyType, readKnownKeys } from './known-hosts.ts';
import { ssh2 } from './library.ts';
import { authFailed, changedKey, handshakeFailed, isProhibited, plainReason, unreachable } from './refusals.ts';
import { askMs, watchForSilence } from './silence.ts';
import type { Hop } from './target.ts';

/** What is needed besides the hop. Plain data, so that another thread can open the same connection. */
export interface OpenSettings {
  /** Timeout in milliseconds, for connecting and for the handshake. */
  timeoutMs: number;
  /** By key file. */
  passphrases: ReadonlyMap<string, string>;
  /** Accepted keys that could not be saved in a file, base64, by host name. Used if the files have no key for the host. */
  accepted: ReadonlyMap<string, readonly string[]>;
}

export interface Opened {
  client: Client;
  shown: Shown;
}

/** The key of the host is unknown. To accept it, the caller adds it to the known keys and opens again. */
export class UnknownHostKey extends Error {
  readonly hop: Hop;
  readonly key: Buffer;
  constructor(hop: Hop, key: Buffer) {
    super(`the key of ${hop.name} is unknown`);
    this.hop = hop;
    this.key = key;
  }
}

/** No key was accepted, and some keys need a passphrase. */
export class PassphraseNeeded extends Error {
  readonly hop: Hop;
  readonly file: string;
  readonly wrong: boolean;
  constructor(hop: Hop, file: string, wrong: boolean) {
    super(`the key ${file} is encrypted`);
    this.hop = hop;
    this.file = file;
    this.wrong = wrong;
  }
}

/** Connects all hops of a route, each through the one before. The caller must end them all. */
export const openRoute = async (
  route: readonly Hop[],
  settings: OpenSettings,
  signal?: AbortSignal,
): Promise<Client[]> => {
  const clients: Client[] = [];
  try {
    for (const hop of route) clients.push((await openHop(hop, clients.at(-1) ?? null, settings, signal)).client);
    return clients;
  } catch (error) {
    for (const client of clients) client.destroy();
    throw error;
  }
};

/**
 * `through` is an open connection to the previous hop. Errors: SSH_UNREACHABLE, SSH_HOST_KEY_CHANGED, SSH_AUTH_FAILED,
 * SSH_HANDSHAKE_FAILED, and the two above.
 */
export const openHop = async (
  hop: Hop,
  through: Client | null,
  settings: OpenSettings,
  signal?: AbortSignal,
): Promise<Opened> => {
  const written = await readKnownKeys(hop.knownHostsFiles, hop.knownAs);
  const known = written.some(({ revoked }) => !revoked) ? written : [...written, ...acceptedKeys(hop, settings)];
  // Like OpenSSH with a custom port: a key that is known without the port is accepted, any other one is unknown.
  const asWell =
    known.length > 0 || hop.knownAsWell === null ? [] : await readKnownKeys(hop.knownHostsFiles, hop.knownAsWell);
  const socket = await dial(hop, through, settings.timeoutMs, signal);
  const attempts = noAttempts();
  try {
    return await handshake(hop, socket, { known, asWell }, attempts, settings, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
};

const acceptedKeys = ({ knownAs }: Hop, { accepted }: OpenSettings): KnownKey[] =>
  (accepted.get(knownAs) ?? []).map((key) => ({ type: keyType(Buffer.from(key, 'base64')), key, revoked: false }));

const dial = (hop: Hop, through: Client | null, timeoutMs: number, signal?: AbortSignal): Promise<Duplex> => {
  signal?.throwIfAborted();
  if (through !== null) return dialThrough(hop, through, timeoutMs, signal);
  return hop.proxyCommand === null ? dialDirectly(hop, timeoutMs, signal) : Promise.resolve(dialByCommand(hop));
};

const dialDirectly = (hop: Hop, timeoutMs: number, signal?: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: hop.host, port: hop.port, noDelay: true });
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      how();
    };
    const fail = (error: unknown) =>
      settle(() => {
        socket.on('error', () => {});
        socket.destroy();
        reject(error);
      });
    const onError = (error: Error) => fail(unreachable(hop, error));
    const onAbort = () => fail(signal?.reason);
    const timer = setTimeout(
      () => fail(unreachable(hop, new Error(`no answer within ${timeoutMs / 1_000} s`))),
      timeoutMs,
    );
    socket.once('error', onError);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => settle(() => resolve(socket)));
  });

const dialThrough = (hop: Hop, through: Client, timeoutMs: number, signal?: AbortSignal): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    let settled = false;
    const settle = (how: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      how();
    };
    const fail = (error: unknown) => settle(() => reject(error));
    const onAbort = () => fail(signal?.reason);
    const timer = setTimeout(
      () => fail(unreachable(hop, new Error(`no answer within ${timeoutMs / 1_000} s`))),
      timeoutMs,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      through.forwardOut('127.0.0.1', 0, hop.host, hop.port, (error, channel) => {
        if (!error) return settled ? void channel.close() : settle(() => resolve(channel));
        fail(unreachable(hop, new Error(`the jump host ${whyNot(error)}`)));
      });
    } catch (error) {
      fail(unreachable(hop, error as Error));
    }
  });

const whyNot = (error: Error): string =>
  isProhibited(error)
    ? 'forwards nothing: set AllowTcpForwarding to yes (or local) in its sshd_config'
    : `cannot reach it (${plainReason(error)})`;

/** Like OpenSSH, runs it in a shell. */
const dialByCommand = (hop: Hop): Duplex => {
  const values: Record<string, string> = { h: hop.host, p: String(hop.port), r: hop.user, n: hop.name, '%': '%' };
  const command = (hop.proxyCommand ?? '').replace(/%([hprn%])/g, (whole, token: string) => values[token] ?? whole);
  const child: ChildProcess = spawn('/bin/sh', ['-c', `exec ${command}`], { stdio: ['pipe', 'pipe', 'ignore'] });
  const socket = Duplex.from({ readable: child.stdout, writable: child.stdin } as never);
  child.on('error', (error) => socket.destroy(error));
  child.stdin?.on('error', () => {});
  socket.on('close', () => child.kill());
  return socket;
};

interface Keys {
  known: readonly KnownKey[];
  /** Whether the key is known under the other name. */
  asWell: readonly KnownKey[];
}

const handshake = (
  hop: Hop,
  sock: Duplex,
  keys: Keys,
  attempts: Attempts,
  { timeoutMs, passphrases }: OpenSettings,
  signal?: AbortSignal,
): Promise<Opened> =>
  new Promise((resolve, reject) => {
    const shown: Shown = { hostKey: null, authentication: null };
    const client = new (ssh2().Client)();
    let refusal: Error | undefined;
    const settle = (how: () => void) => {
      signal?.removeEventListener('abort', onAbort);
      client.removeAllListeners();
      sock.off('data', onFirstBytes);
      // Late errors are ignored, so that they do not crash the process.
      client.on('error', () => {});
      how();
    };
    const fail = (error: unknown) =>
      settle(() => {
        client.destroy();
        reject(error);
      });
    const onAbort = () => fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const first: Buffer[] = [];
    let firstLength = 0;
    const onFirstBytes = (chunk: Buffer) => {
      if (firstLength < maxFirstBytes) first.push(chunk.subarray(0, maxFirstBytes));
      firstLength += chunk.length;
    };
    const failHandshake = (error: Error) => fail(refusal ?? handshakeFailed(hop, error, Buffer.concat(first)));
    client.once('ready', () => {
      shown.authentication = attempts.tried.at(-1) ?? null;
      settle(() => {
        watchForSilence(sock, (error) => {
          client.emit('error', error);
          cut(sock);
        });
        resolve({ client, shown });
      });
    });
    client.once('close', () => failHandshake(new Error('it closed the connection')));
    client.on('error', (error: Error & { level?: string }) => {
      const refused = error.message === noMethodLeft || /too many authentication failures/i.test(error.message);
      // ssh2 continues with the next key after one that failed to sign.
      if (!refused && /^(agent|client-authentication)$/.test(error.level ?? '')) {
        attempts.problems.push(error.message);
        return;
      }
      if (!refused || refusal) return failHandshake(error);
      if (error.message !== noMethodLeft)
        attempts.problems.push('it has seen too many attempts, and refuses more keys');
      const file = attempts.wrongPassphrase[0] ?? attempts.encrypted[0];
      fail(
        file === undefined
          ? authFailed(hop, attempts)
          : new PassphraseNeeded(hop, file, attempts.wrongPassphrase.length > 0),
      );
    });
    client.connect({
      sock: sock as never,
      username: hop.user,
      readyTimeout: timeoutMs,
      keepaliveInterval: askMs,
      keepaliveCountMax: Number.MAX_SAFE_INTEGER,
      algorithms: { serverHostKey: keyOrder([...keys.known, ...keys.asWell]) },
      authHandler: authenticator(hop, passphrases, attempts) as never,
      hostVerifier: (key: Buffer) => {
        refusal = judge(hop, key, keys);
        shown.hostKey = { type: keyType(key), fingerprint: fingerprint(key) };
        return refusal === undefined;
      },
    });
    // Paused until both sides listen.
    sock.on('data', onFirstBytes);
  });

/** ssh2's message when there is nothing left to offer. */
const noMethodLeft = 'All configured authentication methods failed';

/** Enough for the banner and the algorithms of a server. */
const maxFirstBytes = 8_192;

/** Drops unsent data: it must not arrive after the other side has started over. */
const cut = (socket: Duplex): void => {
  if (socket instanceof Socket) socket.resetAndDestroy();
  else socket.destroy();
};

/** Undefined if the key is known. */
const judge = (hop: Hop, key: Buffer, { known, asWell }: Keys): RbeeError | UnknownHostKey | undefined => {
  const shown = key.toString('base64');
  if ([...known, ...asWell].some((one) => one.revoked && one.key === shown))
    return changedKey(hop, key, 'it was revoked');
  const trusted = known.filter(({ revoked }) => !revoked);
  if ([...trusted, ...asWell].some((one) => one.key === shown)) return undefined;
  if (trusted.length === 0) return new UnknownHostKey(hop, key);
  const ofType = trusted.some(({ type }) => type === keyType(key));
  return changedKey(hop, key, ofType ? 'a different one is known' : `only a key of type ${trusted[0]?.type} is known`);
};

const algorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** Known key types first: the host only shows one key, and it should be one that can be checked. */
const keyOrder = (known: readonly KnownKey[]): ServerHostKeyAlgorithm[] => {
  const types = new Set(known.map(({ type }) => type));
  const isKnown = (algorithm: string) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return [...algorithms.filter(isKnown), ...algorithms.filter((algorithm) => !isKnown(algorithm))];
};
