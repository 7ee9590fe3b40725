/** One file of a model: goes on where an earlier download stopped, and is let in only when it is what was promised. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import type { ModelFormat } from '../../contract/worker-type.ts';
import { ensureHeadroom, ensureSpace, spaceError } from '../../lifecycle/fs/disk-space.ts';
import type { DownloadPace } from '../../programs/download.ts';
import { type HttpAgent, httpAgent } from '../../programs/http-agent.ts';
import { answerOf } from '../../programs/http-answers.ts';
import { PartFile } from '../../programs/part-file.ts';
import { contentProblem, headBytes, modelProblem } from './content.ts';
import { get, refusal } from './http-get.ts';
import type { ManifestFile } from './manifest.ts';
import { type About, Trouble, troubleError, withRetries } from './trouble.ts';

export interface FetchRequest {
  /** What is asked for; its query may be a secret. */
  address: string;
  /** The address as it is kept. */
  plainAddress: string;
  headersFor: (origin: string) => Readonly<Record<string, string>>;
  about: About;
  /** What is promised of it. */
  file: Pick<ManifestFile, 'path' | 'bytes' | 'sha256' | 'git'>;
  /** It is all of a model by itself: what it has to be. `formats` are those that are loaded, as far as known. */
  model?: { formats: readonly ModelFormat[] | undefined };
  /** Path of the part, without the ending that it gets. */
  part: string;
  /** Where the whole file goes, by its SHA-256; null when it is there already. */
  target: (sha256: string, bytes: number) => Promise<string | null>;
  env: NodeJS.ProcessEnv;
  pace: DownloadPace;
  signal: AbortSignal;
  onProgress: (done: number) => void;
  onRetry?: (trouble: Trouble) => void;
}

export interface Fetched {
  sha256: string;
  bytes: number;
}

/** Bytes between two looks at the room on disk while the size is not known. */
const lookEvery = 64 * 1024 * 1024;

/** Errors: those of the catalogue that begin with MODEL_, NO_SPACE; the signal's reason when aborted. */
export const fetchFile = async (request: FetchRequest): Promise<Fetched> => {
  const { about, pace, file, signal } = request;
  const part = await PartFile.open(request.part);
  const agent = await httpAgent(request.env, pace.stallMs);
  try {
    await untilRight(part, agent, { ...request, restarts: { left: pace.attempts } });
    const fetched = { sha256: part.digest(), bytes: part.size };
    const target = await request.target(fetched.sha256, fetched.bytes);
    if (target === null) await part.remove();
    else await part.complete(target);
    return fetched;
  } catch (error) {
    // Of what has not begun to come nothing is left.
    if (part.size === 0) await part.remove();
    signal.throwIfAborted();
    throw (await spaceError(dirname(request.part), error)) ?? troubleError(error, about, pace, file.path);
  } finally {
    await part.close();
    await agent.close();
  }
};

interface Fetching extends FetchRequest {
  /** How often a server may still have us begin anew. */
  restarts: { left: number };
}

const untilRight = async (part: PartFile, agent: HttpAgent, request: Fetching): Promise<void> => {
  const { file, pace, signal } = request;
  if (part.size > 0 && file.sha256 !== null && part.digest() === file.sha256) return;
  for (let last = false; ; last = true) {
    const before = part.size;
    let connections = 0;
    await withRetries(
      () => {
        connections += 1;
        return getRest(part, agent, request);
      },
      { pace, signal, progress: () => part.size, onRetry: request.onRetry },
    );
    const wrong = await difference(part, request);
    if (wrong === undefined) return;
    if (last || (before === 0 && connections === 1)) throw await notAsPromised(part, request, wrong);
    // The pieces may be of two different files: the whole one is asked for once more.
    await part.restart();
  }
};

interface Difference {
  actual: string;
  expected: string;
}

const notAsPromised = async (
  part: PartFile,
  { file, about }: FetchRequest,
  difference: Difference,
): Promise<RbeeError> => {
  await part.restart();
  return RbeeError.of('MODEL_CHECKSUM_MISMATCH', { file: file.path, model: about.model, ...difference });
};

/** What it is in place of what was promised; undefined when all is well. */
const difference = async (part: PartFile, { file }: FetchRequest): Promise<Difference | undefined> => {
  if (file.bytes !== null && part.size !== file.bytes)
    return { actual: `${part.size} bytes`, expected: `${file.bytes} bytes` };
  if (file.sha256 !== null && part.digest() !== file.sha256)
    return { actual: `SHA-256 ${part.digest()}`, expected: file.sha256 };
  if (file.git === null) return undefined;
  const git = await gitHash(part.read(), part.size);
  return git === file.git ? undefined : { actual: `git object ${git}`, expected: file.git };
};

/** Git's name for a content: SHA-1 of a header and the bytes. */
const gitHash = async (content: AsyncIterable<Buffer>, bytes: number): Promise<string> => {
  const hash = createHash('sha1').update(`blob ${bytes}\0`);
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
};

/** That there is nothing in it is not only what the hub says of its size. */
const isEmptyFor = ({ sha256, git }: Pick<ManifestFile, 'sha256' | 'git'>): boolean =>
  sha256 === emptySha256 || git === emptyGit;

const emptySha256 = createHash('sha256').digest('hex');
const emptyGit = createHash('sha1').update('blob 0\0').digest('hex');

const getRest = async (part: PartFile, agent: HttpAgent, request: Fetching): Promise<void> => {
  const { address, plainAddress, headersFor, signal, file, restarts } = request;
  // A part that is longer than the file is of another one.
  if (file.bytes !== null && part.size > file.bytes) await part.restart();
  if (file.bytes !== null && part.size === file.bytes && (part.size > 0 || isEmptyFor(file))) return;
  const headers: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity' };
  const checked = file.sha256 !== null || file.git !== null;
  // Where no checksum decides in the end, the server must know whether its file is still the same.
  const validator = part.origin?.url === plainAddress ? part.origin.validator : null;
  if (part.size > 0 && !checked && validator === null) await part.restart();
  if (part.size > 0) {
    headers['range'] = `bytes=${part.size}-`;
    if (!checked && validator !== null) headers['if-range'] = validator;
  }
  const incoming = await get(address, { agent, headers, headersFor, signal });
  const { host } = new URL(address);
  try {
    const answer = answerOf(incoming, part.size);
    if (answer.kind === 'whole') return;
    if (answer.kind === 'failed') throw refusal(incoming, host);
    if (answer.kind === 'elsewhere') {
      await part.restart();
      restarts.left -= 1;
      throw new Trouble('broke', 'the server has another part of the file than it was asked for', {
        host,
        passes: restarts.left > 0,
      });
    }
    if (answer.from === 0 && part.size > 0) await part.restart();
    const { total } = answer;
    if (total !== undefined && file.bytes !== null && total !== file.bytes)
      throw await notAsPromised(part, request, { actual: `${total} bytes`, expected: `${file.bytes} bytes` });
    await part.setOrigin({ url: plainAddress, validator: answer.validator });
    await copy(part, incoming.body, answer.total ?? file.bytes, host, request);
  } finally {
    incoming.body.on('error', () => {}).destroy();
  }
};

const copy = async (
  part: PartFile,
  body: AsyncIterable<unknown>,
  total: number | null,
  host: string,
  request: FetchRequest,
): Promise<void> => {
  const { part: path, onProgress, file } = request;
  const folder = dirname(path);
  const ensureRoom = () => (total === null ? ensureHeadroom(folder) : ensureSpace(folder, 0));
  if (total !== null) await ensureSpace(folder, Math.max(0, total - part.size));
  await ensureRoom();
  // What came before was looked at when it came.
  let head: Buffer | null = part.size === 0 ? Buffer.alloc(0) : null;
  onProgress(part.size);
  let lookAt = part.size + lookEvery;
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const piece = await pieces.next().catch((error: unknown) => {
      throw Trouble.of(error, host);
    });
    if (piece.done) break;
    if (head !== null) {
      head = Buffer.concat([head, piece.value as Buffer]).subarray(0, headBytes);
      if (head.length === headBytes) {
        await refuseOther(head, part, request);
        head = null;
      }
    }
    await part.append(piece.value as Buffer);
    onProgress(part.size);
    // More than was promised: the comparison tells.
    if (file.bytes !== null && part.size > file.bytes) return;
    if (part.size < lookAt) continue;
    lookAt = part.size + lookEvery;
    await ensureRoom();
  }
  if (head !== null && (total === null || part.size >= total)) await refuseOther(head, part, request);
  if (total !== null && part.size < total)
    throw new Trouble('broke', 'the connection ended early', { host, passes: true });
};

/** Errors: MODEL_CONTENT_INVALID for what can be no such file, before more of it comes. */
const refuseOther = async (head: Buffer, part: PartFile, { file, model, about }: FetchRequest): Promise<void> => {
  const problem = model ? modelProblem(file.path, head, model.formats) : contentProblem(file.path, head);
  if (problem === undefined) return;
  await part.restart();
  throw RbeeError.of('MODEL_CONTENT_INVALID', { file: file.path, model: about.model, problem, page: about.page });
};
