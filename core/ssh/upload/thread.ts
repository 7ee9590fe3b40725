/** The upload thread: uses its own connections, so that bulk data never delays the tokens of a stream. */
import { parentPort } from 'node:worker_threads';
import { RbeeError } from '../../contract/errors.ts';
import { orAborted } from '../../lifecycle/async/or-aborted.ts';
import { SshConnection } from '../connection.ts';
import { openRoute, PassphraseNeeded, UnknownHostKey } from '../open-connection.ts';
import { keyEncrypted, unknownKey } from '../refusals.ts';
import { routeKey } from '../target.ts';
import type { FromThread, ToThread, UploadJob } from './messages.ts';
import { sendFile } from './send-file.ts';

/** Milliseconds to keep a connection for the next file. */
const idleMs = 3_000;
/** Milliseconds between progress messages. */
const progressMs = 100;

interface Line {
  connection: Promise<SshConnection>;
  users: number;
  idle?: NodeJS.Timeout;
}

const lines = new Map<string, Line>();
const running = new Map<number, AbortController>();
const say = (message: FromThread): void => parentPort?.postMessage(message);

const connect = async (job: UploadJob): Promise<SshConnection> => {
  const { route, settings } = job;
  const clients = await openRoute(route, settings);
  const connection = new SshConnection(route, clients.at(-1)!, { hostKey: null, authentication: null }, () =>
    connect(job),
  );
  connection.onClose(() => {
    for (const client of clients.slice(0, -1)) client.end();
  });
  return connection;
};

const upload = async (id: number, job: UploadJob, signal: AbortSignal): Promise<void> => {
  const key = routeKey(job.route);
  let line = lines.get(key);
  if (line) clearTimeout(line.idle);
  else {
    const made: Line = { connection: connect(job), users: 0 };
    const forget = () => {
      if (lines.get(key) === made) lines.delete(key);
    };
    made.connection.then((connection) => connection.onClose(forget), forget);
    line = made;
    lines.set(key, line);
  }
  line.users += 1;
  try {
    const connection = await orAborted(line.connection, signal);
    let reportedAt = 0;
    const onProgress = (sent: number) => {
      const now = performance.now();
      if (now - reportedAt < progressMs) return;
      reportedAt = now;
      say({ kind: 'progress', id, sent });
    };
    await sendFile(connection, { ...job, signal, onProgress });
  } finally {
    line.users -= 1;
    const left = line;
    if (left.users === 0) {
      left.idle = setTimeout(() => {
        lines.delete(key);
        left.connection.then(
          (connection) => connection.close(),
          () => {},
        );
      }, idleMs);
    }
  }
};

const start = async (id: number, job: UploadJob): Promise<void> => {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    await upload(id, job, controller.signal);
    say({ kind: 'done', id });
  } catch (thrown) {
    say({ kind: 'failed', id, error: errorOf(thrown, job).toJSON() });
  } finally {
    running.delete(id);
  }
};

/** Cannot ask anyone, and need not: the queen has already connected. */
const errorOf = (thrown: unknown, { path, route }: UploadJob): RbeeError => {
  if (thrown instanceof RbeeError) return thrown;
  if (thrown instanceof UnknownHostKey) return unknownKey(thrown.hop, thrown.key);
  if (thrown instanceof PassphraseNeeded) return keyEncrypted(thrown.hop, thrown.file, 'its passphrase is unknown');
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return RbeeError.of('UPLOAD_FAILED', {
    what: path.split('/').at(-1) ?? path,
    hive: route.at(-1)?.name ?? '',
    problem,
  });
};

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'upload') void start(message.id, message.job);
  else running.get(message.id)?.abort(RbeeError.of('CANCELLED', { what: 'the upload' }));
});
