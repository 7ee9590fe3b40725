/**
 * Runs an `sh` script on a machine. The script is sent over stdin, so whatever login shell the user has, and however it
 * quotes, it only ever sees the word `sh`. Output of the login shell comes before a marker and is dropped.
 */
import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { printedLines } from '../boundary/printed-lines.ts';
import { RbeeError } from '../contract/errors.ts';
import { orAborted } from '../lifecycle/async/or-aborted.ts';
import type { SshConnection } from './connection.ts';
import { connectionLost } from './refusals.ts';

/** A script that has printed its marker. Its output follows, and what is written goes to its stdin. */
export interface RunningScript {
  channel: ClientChannel;
  /** The end of its stderr, at most 8 KB. */
  stderr: () => string;
  /** Resolves when it has ended; rejects if the connection is lost first. */
  ended: Promise<ScriptEnd>;
}

export interface ScriptEnd {
  code: number | null;
  signal: string | null;
}

export interface ScriptOptions {
  signal?: AbortSignal;
  /** Milliseconds until it must have started [default: 20,000]. */
  beginMs?: number;
}

/** Single quotes for `sh`. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Errors: SSH_SHELL_UNUSABLE if it never starts, SSH_CONNECTION_LOST. */
export const startScript = async (
  connection: SshConnection,
  script: string,
  { signal, beginMs = 20_000 }: ScriptOptions = {},
): Promise<RunningScript> => {
  const mark = `rbee-${randomBytes(9).toString('hex')}`;
  const channel = await connection.exec('sh', signal);
  const stderr = lastWords(channel);
  const ended = endOf(channel, connection);
  channel.on('error', () => {});
  // One compound command, so that the shell reads all of it first, and leaves the rest of stdin to its programs.
  channel.write(`{ printf '%s\\n' ${mark}\n${script}\nexit $?\n}\n`);
  try {
    await untilMark(channel, mark, ended, { signal, beginMs });
  } catch (error) {
    endRemotely(channel);
    if (error instanceof NotBegun) throw unusable(connection, stderr() || error.message);
    throw error;
  }
  return { channel, stderr, ended };
};

/**
 * Runs a script with empty stdin and waits for its end. A non-zero exit code is not an error. Aborting stops the
 * script.
 */
export const runScript = async (
  connection: SshConnection,
  script: string,
  options: ScriptOptions = {},
): Promise<ScriptEnd & { stdout: string; stderr: string }> => {
  // stdin stays open, because signals need it.
  const { channel, stderr, ended } = await startScript(connection, `{\n${script}\n} </dev/null`, options);
  const onAbort = () => endRemotely(channel);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const flood = Promise.withResolvers<never>();
    channel.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxOutput) chunks.push(chunk);
      else flood.reject(unusable(connection, 'it prints endless output'));
    });
    channel.resume();
    const end = await orAborted(Promise.race([ended, flood.promise]), options.signal).catch((error) => {
      endRemotely(channel);
      throw error;
    });
    return { ...end, stdout: Buffer.concat(chunks).toString('utf8'), stderr: stderr() };
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
};

/**
 * Signals the programs, because closing a session does not end those that neither read nor write. Unread output is
 * discarded: a channel that is not read to its end never closes, and takes up a session.
 */
export const endRemotely = (channel: ClientChannel): void => {
  channel.signal('TERM');
  channel.close();
  channel.resume();
};

const maxStderr = 8 * 1024;

/** More output would fill the memory of the queen. */
const maxOutput = 64 * 2 ** 20;

const lastWords = (channel: ClientChannel): (() => string) => {
  let said = Buffer.alloc(0);
  channel.stderr.on('data', (chunk: Buffer) => {
    said = Buffer.concat([said, chunk]).subarray(-maxStderr);
  });
  return () => said.toString('utf8').trim();
};

const endOf = (channel: ClientChannel, connection: SshConnection): Promise<ScriptEnd> => {
  let exit: ScriptEnd = { code: null, signal: null };
  channel.on('exit', (code: number | null, name?: string) => {
    exit = { code, signal: name ?? null };
  });
  const ended = new Promise<ScriptEnd>((resolve, reject) => {
    const forget = connection.onClose((error) => reject(connectionLost(connection.name, error)));
    channel.once('close', () => {
      forget();
      resolve(exit);
    });
  });
  // Not an unhandled rejection for callers that do not wait.
  ended.catch(() => {});
  return ended;
};

/** Maximum bytes that a login shell may print before the marker. */
const maxBanner = 16 * 1024 * 1024;

/** How much of that is kept for error messages. */
const maxFirst = 200;

class NotBegun extends Error {}

/** Leaves the bytes after the marker in the channel, which is paused. */
const untilMark = (
  channel: ClientChannel,
  mark: string,
  ended: Promise<unknown>,
  { signal, beginMs }: { signal?: AbortSignal; beginMs: number },
): Promise<void> =>
  new Promise((resolve, reject) => {
    /** The end of the previous bytes, which may contain half of the marker. */
    let seen = Buffer.alloc(0);
    let first = '';
    let bytes = 0;
    let settled = false;
    const settle = (how: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      channel.off('data', onData);
      channel.pause();
      how();
    };
    const onAbort = () => settle(() => reject(signal?.reason));
    const timer = setTimeout(() => settle(() => reject(new NotBegun('it does not start sh'))), beginMs);
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      bytes += chunk.length;
      if (first.length < maxFirst) first += chunk.toString('utf8', 0, maxFirst);
      const at = seen.indexOf(`${mark}\n`);
      if (at === -1) {
        seen = seen.subarray(-mark.length);
        if (bytes > maxBanner) settle(() => reject(new NotBegun('it prints endless output')));
        return;
      }
      const rest = seen.subarray(at + mark.length + 1);
      settle(() => {
        if (rest.length > 0) channel.unshift(rest);
        resolve();
      });
    };
    channel.on('data', onData);
    const early = () => new NotBegun(first.trim().slice(0, maxFirst) || 'it exits immediately');
    ended.then(
      () => settle(() => reject(early())),
      (error) => settle(() => reject(error)),
    );
  });

const unusable = (connection: SshConnection, said: string): RbeeError => {
  const user = connection.route.at(-1)?.user ?? '';
  const hint = 'give that user an ordinary login shell, or choose another user with ssh_user in hives.conf';
  return RbeeError.of('SSH_SHELL_UNUSABLE', {
    hive: connection.name,
    user,
    problem: printedLines(said)[0] ?? said,
    hint,
  });
};
