/**
 * Runs a script of `sh` on a machine. It goes in by stdin, so whatever the login shell of the user is, and however it
 * quotes, it only ever reads the word `sh`; what a login shell prints by itself comes before a mark and is left out.
 */
import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { printedLines } from '../boundary/printed-lines.ts';
import { RbeeError } from '../contract/errors.ts';
import { orAborted } from '../lifecycle/async/or-aborted.ts';
import type { SshConnection } from './connection.ts';
import { connectionLost } from './refusals.ts';

/** A script that has said its mark: what it prints follows, and what is written goes to what it reads. */
export interface RunningScript {
  channel: ClientChannel;
  /** The last of what it said on stderr, at most 8 KB. */
  stderr: () => string;
  /** Settles when it has ended; rejects when the connection is lost before. */
  ended: Promise<ScriptEnd>;
}

export interface ScriptEnd {
  code: number | null;
  signal: string | null;
}

export interface ScriptOptions {
  signal?: AbortSignal;
  /** Milliseconds until it must have begun; 20,000 when absent. */
  beginMs?: number;
}

/** Single quotes for `sh`. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Errors: SSH_SHELL_UNUSABLE when it never begins, SSH_CONNECTION_LOST. */
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
  // As one compound, so that the shell has read all of it before any of it runs, and leaves the rest to its programs.
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

/** Runs it to its end; it has nothing to read. A script that ends with an exit code is no error. Aborting ends it there. */
export const runScript = async (
  connection: SshConnection,
  script: string,
  options: ScriptOptions = {},
): Promise<ScriptEnd & { stdout: string; stderr: string }> => {
  // Its stdin stays open, since signals travel only as long as it does.
  const { channel, stderr, ended } = await startScript(connection, `{\n${script}\n} </dev/null`, options);
  const onAbort = () => endRemotely(channel);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const flood = Promise.withResolvers<never>();
    channel.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= mostOutput) chunks.push(chunk);
      else flood.reject(unusable(connection, 'it prints without end'));
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
 * Closing a session leaves its programs running as long as they neither read nor write, so they are told. What has come
 * of them is let go: a channel that is not read to its end never counts as closed, and keeps its place among the few.
 */
export const endRemotely = (channel: ClientChannel): void => {
  channel.signal('TERM');
  channel.close();
  channel.resume();
};

const mostStderr = 8 * 1024;

/** Whoever prints more would fill the memory of the queen. */
const mostOutput = 64 * 2 ** 20;

const lastWords = (channel: ClientChannel): (() => string) => {
  let said = Buffer.alloc(0);
  channel.stderr.on('data', (chunk: Buffer) => {
    said = Buffer.concat([said, chunk]).subarray(-mostStderr);
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
  // Whoever does not wait for the end need not hear of it.
  ended.catch(() => {});
  return ended;
};

/** Bytes that a login shell may print before it is taken for something else. */
const mostBanner = 16 * 1024 * 1024;

/** As much of it is kept to tell what it said. */
const mostFirst = 200;

class NotBegun extends Error {}

/** Leaves what came after the mark in the channel, which is paused. */
const untilMark = (
  channel: ClientChannel,
  mark: string,
  ended: Promise<unknown>,
  { signal, beginMs }: { signal?: AbortSignal; beginMs: number },
): Promise<void> =>
  new Promise((resolve, reject) => {
    /** The end of what came before, as long as the mark may be half in it. */
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
      if (first.length < mostFirst) first += chunk.toString('utf8', 0, mostFirst);
      const at = seen.indexOf(`${mark}\n`);
      if (at === -1) {
        seen = seen.subarray(-mark.length);
        if (bytes > mostBanner) settle(() => reject(new NotBegun('it prints without end')));
        return;
      }
      const rest = seen.subarray(at + mark.length + 1);
      settle(() => {
        if (rest.length > 0) channel.unshift(rest);
        resolve();
      });
    };
    channel.on('data', onData);
    const early = () => new NotBegun(first.trim().slice(0, mostFirst) || 'it ends at once');
    ended.then(
      () => settle(() => reject(early())),
      (error) => settle(() => reject(error)),
    );
  });

const unusable = (connection: SshConnection, said: string): RbeeError => {
  const user = connection.route.at(-1)?.user ?? '';
  const hint = 'give that user an ordinary login shell, or name another with ssh_user in hives.conf';
  return RbeeError.of('SSH_SHELL_UNUSABLE', {
    hive: connection.name,
    user,
    problem: printedLines(said)[0] ?? said,
    hint,
  });
};
