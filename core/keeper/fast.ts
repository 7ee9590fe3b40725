/** The most frequent reads, answered without loading oclif: one request over the socket, one table. */
import { connect } from 'node:net';
import { pathsFrom } from '../config/paths.ts';
import { checkSocket } from '../config/private-places.ts';
import { rbeeVersion } from '../config/version.ts';
import type { FleetStatus, HiveView, WorkerList } from '../contract/api/queen-api.ts';
import type { Terminal } from '../narration/text.ts';
import { declaredPlugins, hasEverydayHooks } from './plugin-commands/declared.ts';
import { standardOutput } from './terminal/screens.ts';
import { formatFleet } from './views/fleet.ts';
import { formatHives } from './views/hives.ts';
import { formatWorkerList } from './views/workers.ts';

interface Read {
  path: string;
  format: (body: never, terminal: Terminal) => string;
}

const reads: Record<string, Read> = {
  status: { path: '/v1/status', format: (body: FleetStatus, terminal) => formatFleet(body, terminal, rbeeVersion()) },
  'worker list': {
    path: '/v1/workers',
    format: (body: WorkerList, terminal) => formatWorkerList(body, terminal),
  },
  'hive list': {
    path: '/v1/hives',
    format: (body: { hives: HiveView[] }, terminal) => formatHives(body.hives, terminal, { ours: rbeeVersion() }),
  },
};

/**
 * Prints the answer and returns true, or does nothing and returns false: for any other command, without a queen, with a
 * plugin that hooks into every command, or after any error. The full command then runs: it prints the same, and reports
 * errors properly.
 */
export const answerFast = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> => {
  const json = argv.includes('--json');
  const words = argv.filter((word) => word !== '--json').join(' ');
  const read = Object.hasOwn(reads, words) ? reads[words] : undefined;
  if (read === undefined || env['RBEE_QUEEN']) return false;
  try {
    const { data, queenSocket } = pathsFrom(env);
    if (hasEverydayHooks(declaredPlugins(data))) return false;
    const body: unknown = JSON.parse(await getBody(queenSocket, read.path));
    const out = standardOutput(env);
    if (json) out.json(body, 2);
    else out.show(body as never, read.format);
    return true;
  } catch {
    return false;
  }
};

const timeoutMs = 5_000;

/** A minimal HTTP GET: loading `node:http` alone takes longer than all of this. */
const getBody = (socketPath: string, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    checkSocket(socketPath);
    const socket = connect(socketPath, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: queen\r\naccept: application/json\r\nconnection: close\r\n\r\n`);
    });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')));
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.once('error', reject);
    socket.once('close', () => {
      try {
        resolve(bodyOf(Buffer.concat(pieces)));
      } catch (error) {
        reject(error);
      }
    });
  });

/** Parses a whole response; throws unless it is a complete 200. */
export const bodyOf = (answer: Buffer): string => {
  const end = answer.indexOf('\r\n\r\n');
  const head = answer.subarray(0, Math.max(0, end)).toString('latin1');
  if (end < 0 || !/^HTTP\/1\.1 200 /.test(head)) throw new Error('not an answer of the queen');
  const body = answer.subarray(end + 4);
  if (/^transfer-encoding:\s*chunked/im.test(head)) return dechunk(body).toString('utf8');
  const length = /^content-length:\s*(\d+)/im.exec(head)?.[1];
  if (length !== undefined && body.length !== Number(length)) throw new Error('cut off');
  return body.toString('utf8');
};

const dechunk = (body: Buffer): Buffer => {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('cut off');
    if (size === 0) return Buffer.concat(chunks);
    const start = lineEnd + 2;
    if (start + size > body.length) throw new Error('cut off');
    chunks.push(body.subarray(start, start + size));
    at = start + size + 2;
  }
};
