/** Uploads one file to one machine, with an `sh` script that only needs `cat`. Resumes an earlier attempt. */
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path/posix';
import { createInterface } from 'node:readline';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { printedLines } from '../../boundary/printed-lines.ts';
import { RbeeError } from '../../contract/errors.ts';
import { orAborted } from '../../lifecycle/async/or-aborted.ts';
import type { SshConnection } from '../connection.ts';
import { endRemotely, quote, type RunningScript, startScript } from '../script.ts';

export interface SendOptions {
  file: string;
  size: number;
  path: string;
  signal: AbortSignal;
  onProgress: (sent: number) => void;
}

/** Errors: UPLOAD_FAILED, HOST_FOLDER_UNUSABLE, SSH_CONNECTION_LOST. */
export const sendFile = async (connection: SshConnection, options: SendOptions): Promise<void> => {
  const { file, size, path, signal, onProgress } = options;
  const running = await startScript(connection, receive(path, size), { signal });
  const onAbort = () => endRemotely(running.channel);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const have = await orAborted(firstNumber(running), signal);
    if (have === null) throw await refused(connection.name, path, running);
    let sent = have;
    onProgress(sent);
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += chunk.length;
        onProgress(sent);
        done(null, chunk);
      },
    });
    try {
      // Only ends the channel's input, since the script still prints something.
      const source = createReadStream(file, { start: have, highWaterMark: 256 * 1024 });
      await pipeline(source, count, running.channel, { signal });
    } catch (error) {
      signal.throwIfAborted();
      const { code } = await running.ended;
      if (code !== null && code !== 0) throw await refused(connection.name, path, running);
      throw error;
    }
    const { code } = await running.ended;
    if (code !== 0) throw await refused(connection.name, path, running);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

/**
 * First prints how much is already there. The file only gets its name when it is complete. One that cannot be written to
 * the end, for example on a full disk, is removed.
 */
const receive = (path: string, size: number): string => `
umask 077
LC_ALL=C; export LC_ALL
dir=${quote(dirname(path))}
to=${quote(path)}
mkdir -p "$dir" || exit 73
[ -f "$to.part" ] || true > "$to.part" || exit 73
have=$(($(wc -c < "$to.part")))
if [ "$have" -gt ${size} ]; then true > "$to.part" || exit 73; have=0; fi
echo "$have"
cat >> "$to.part" || { rm -f "$to.part"; exit 74; }
have=$(($(wc -c < "$to.part")))
[ "$have" -eq ${size} ] || exit 75
mv -f "$to.part" "$to"`;

const firstNumber = (running: RunningScript): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const lines = createInterface({ input: running.channel });
    lines.once('line', (line) => {
      lines.close();
      running.channel.resume();
      resolve(/^\d+$/.test(line) ? Number(line) : null);
    });
    lines.on('error', () => {});
    running.ended.then(() => resolve(null), reject);
  });

const refused = async (hive: string, path: string, running: RunningScript): Promise<RbeeError> => {
  const { code, signal } = await running.ended;
  const said = printedLines(running.stderr()).at(-1) ?? '';
  const problem = said || (signal ? `it was ended by ${signal}` : `it ended with exit code ${code ?? 'unknown'}`);
  if (/no space|quota|disk full/i.test(problem)) {
    return RbeeError.of('HOST_FOLDER_UNUSABLE', { hive, path: dirname(path), problem, hint: 'free some space there' });
  }
  if (code === 73 || /read-only|permission denied/i.test(problem)) {
    const hint = 'make it writable for the user of the hive, or choose another user with ssh_user in hives.conf';
    return RbeeError.of('HOST_FOLDER_UNUSABLE', { hive, path: dirname(path), problem, hint });
  }
  return RbeeError.of('UPLOAD_FAILED', { what: path.split('/').at(-1) ?? path, hive, problem });
};
