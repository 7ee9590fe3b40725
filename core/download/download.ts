/** Downloads one file: resumes an earlier download, survives lost connections, and keeps only the expected content. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { ensureHeadroom, ensureSpace, spaceError } from '../lifecycle/fs/disk-space.ts';
import { type HttpAgent, httpAgent, type Incoming } from './http-agent.ts';
import { answerFailure, HttpFailure } from './http-failure.ts';
import { type HeadersFor, httpGet } from './http-get.ts';
import { PartFile } from './part-file.ts';
import { readRangeAnswer } from './range-answer.ts';
import { type RetryPolicy, withRetries } from './retry.ts';

export interface DownloadRequest {
  /** Its query may contain a secret. */
  address: string;
  /** The address that is written to disk, without secrets. */
  plainAddress: string;
  headersFor?: HeadersFor;
  /** Explains an answer with an error status; undefined where only the status is known. */
  reasonOf?: (incoming: Incoming) => string | undefined;
  /** Null: unknown. */
  expected: { bytes: number | null; sha256: string | null; git: string | null };
  /**
   * Receives the first bytes (`headBytes` of them, or the whole file) before more is written, and throws to refuse the
   * file.
   */
  inspect?: { headBytes: number; check: (head: Buffer) => void };
  /** Path of the partial file, without the `.part` that is appended. */
  part: string;
  /** Path for the complete file; null discards it. */
  place: (sha256: string, bytes: number) => Promise<string | null>;
  /** Proxies and certificates come from here. */
  env: NodeJS.ProcessEnv;
  retry: RetryPolicy;
  signal: AbortSignal;
  onProgress?: (done: number, total?: number) => void;
  onRetry?: (failure: HttpFailure) => void;
}

export interface Downloaded {
  sha256: string;
  bytes: number;
}

/** The server sent a different file than expected. */
export class ContentMismatch extends Error {
  readonly kind: 'bytes' | 'sha256' | 'git';
  readonly actual: string;
  readonly expected: string;

  constructor(kind: ContentMismatch['kind'], actual: string | number, expected: string | number) {
    super(`its ${kind} is ${actual}, not ${expected}`);
    this.kind = kind;
    this.actual = String(actual);
    this.expected = String(expected);
  }
}

/**
 * A failed download leaves its part on disk for the next call, except after a mismatch or a refusal. Rejects with
 * HttpFailure, ContentMismatch, what `inspect` throws, NO_SPACE, STATE_UNWRITABLE; the signal's reason when aborted.
 */
export const download = async (request: DownloadRequest): Promise<Downloaded> => {
  const { retry, signal } = request;
  const part = await PartFile.open(request.part);
  const agent = await httpAgent(request.env, retry.idleTimeoutMs);
  try {
    await fill(part, { ...request, agent, mismatches: { left: retry.maxAttempts } });
    const downloaded = { sha256: part.digest(), bytes: part.size };
    const target = await request.place(downloaded.sha256, downloaded.bytes);
    if (target === null) await part.remove();
    else await part.complete(target);
    return downloaded;
  } catch (error) {
    if (part.size === 0) await part.remove();
    signal.throwIfAborted();
    throw (await spaceError(dirname(request.part), error)) ?? error;
  } finally {
    await part.close();
    await agent.close();
  }
};

interface Running extends DownloadRequest {
  agent: HttpAgent;
  /** Remaining number of times that a server may send bytes that do not continue the part. */
  mismatches: { left: number };
}

const fill = async (part: PartFile, request: Running): Promise<void> => {
  const { expected, retry, signal, onRetry } = request;
  if (part.size > 0 && expected.sha256 !== null && part.digest() === expected.sha256) return;
  for (let last = false; ; last = true) {
    const before = part.size;
    let requests = 0;
    const attempt = () => {
      requests += 1;
      return getRest(part, request);
    };
    await withRetries(attempt, { retry, signal, progress: () => part.size, ...(onRetry && { onRetry }) });
    const mismatch = await compare(part, expected);
    if (mismatch === undefined) return;
    const inOnePiece = before === 0 && requests === 1;
    await part.restart();
    // The pieces may come from two versions of the file: try once more, from the start.
    if (last || inOnePiece) throw mismatch;
  }
};

const compare = async (
  part: PartFile,
  { bytes, sha256, git }: DownloadRequest['expected'],
): Promise<ContentMismatch | undefined> => {
  if (bytes !== null && part.size !== bytes) return new ContentMismatch('bytes', part.size, bytes);
  if (sha256 !== null && part.digest() !== sha256) return new ContentMismatch('sha256', part.digest(), sha256);
  if (git === null) return undefined;
  const actual = await gitHash(part.read(), part.size);
  return actual === git ? undefined : new ContentMismatch('git', actual, git);
};

/** Git's name of a file's content: SHA-1 of a header and the bytes. */
const gitHash = async (content: AsyncIterable<Buffer>, bytes: number): Promise<string> => {
  const hash = createHash('sha1').update(`blob ${bytes}\0`);
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
};

const getRest = async (part: PartFile, request: Running): Promise<void> => {
  const { address, plainAddress, headersFor, agent, signal, expected, mismatches } = request;
  // A part that is longer than the file belongs to another file.
  if (expected.bytes !== null && part.size > expected.bytes) await part.restart();
  if (part.size === expected.bytes && (part.size > 0 || isEmpty(expected))) return;
  const headers: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity' };
  const hasChecksum = expected.sha256 !== null || expected.git !== null;
  // Without a checksum, only the server can tell whether its file is still the same.
  const validator = part.origin?.url === plainAddress ? part.origin.validator : null;
  if (part.size > 0 && !hasChecksum && validator === null) await part.restart();
  if (part.size > 0) {
    headers['range'] = `bytes=${part.size}-`;
    if (!hasChecksum && validator !== null) headers['if-range'] = validator;
  }
  const incoming = await httpGet(address, { agent, headers, signal, ...(headersFor && { headersFor }) });
  const { host } = new URL(address);
  try {
    const answer = readRangeAnswer(incoming, part.size);
    if (answer.kind === 'complete') return;
    if (answer.kind === 'failed') throw answerFailure(incoming, host, request.reasonOf?.(incoming));
    if (answer.kind === 'mismatch') {
      await part.restart();
      mismatches.left -= 1;
      const problem = 'the server sent another range of the file than was requested';
      throw new HttpFailure('lost', problem, { host, retryable: mismatches.left > 0 });
    }
    if (answer.from === 0 && part.size > 0) await part.restart();
    const { total } = answer;
    if (total !== undefined && expected.bytes !== null && total !== expected.bytes) {
      await part.restart();
      throw new ContentMismatch('bytes', total, expected.bytes);
    }
    await part.setOrigin({ url: plainAddress, validator: answer.validator });
    await copy(part, incoming.body, total ?? expected.bytes ?? undefined, host, request);
  } finally {
    incoming.body.on('error', () => {}).destroy();
  }
};

/** A size of 0 alone may only mean that the size is unknown. */
const isEmpty = ({ sha256, git }: DownloadRequest['expected']): boolean => sha256 === emptySha256 || git === emptyGit;

const emptySha256 = createHash('sha256').digest('hex');
const emptyGit = createHash('sha1').update('blob 0\0').digest('hex');

/** Bytes between two checks of the free disk space. */
const spaceCheckInterval = 64 * 1024 * 1024;

const copy = async (
  part: PartFile,
  body: AsyncIterable<unknown>,
  total: number | undefined,
  host: string,
  request: DownloadRequest,
): Promise<void> => {
  const { expected, onProgress } = request;
  const folder = dirname(request.part);
  const checkSpace = () => (total === undefined ? ensureHeadroom(folder) : ensureSpace(folder, 0));
  if (total !== undefined) await ensureSpace(folder, Math.max(0, total - part.size));
  await checkSpace();
  // A part from an earlier call has been inspected then.
  const inspector = request.inspect && part.size === 0 ? inspectHead(part, request.inspect) : undefined;
  onProgress?.(part.size, total);
  let nextCheck = part.size + spaceCheckInterval;
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const piece = await pieces.next().catch((error: unknown) => {
      throw HttpFailure.of(error, host);
    });
    if (piece.done) break;
    await inspector?.add(piece.value as Buffer);
    await part.append(piece.value as Buffer);
    onProgress?.(part.size, total);
    // Longer than expected: the comparison reports it.
    if (expected.bytes !== null && part.size > expected.bytes) return;
    if (part.size < nextCheck) continue;
    nextCheck = part.size + spaceCheckInterval;
    await checkSpace();
  }
  const isComplete = total === undefined || part.size >= total;
  if (isComplete) await inspector?.end();
  else throw new HttpFailure('lost', 'the connection ended early', { host, retryable: true });
};

/** Collects the first bytes and has them checked once: as soon as there are enough, or at the end of a shorter file. */
const inspectHead = (part: PartFile, { headBytes, check }: NonNullable<DownloadRequest['inspect']>) => {
  let head: Buffer | null = Buffer.alloc(0);
  const inspect = async (): Promise<void> => {
    const seen = head;
    head = null;
    try {
      if (seen) check(seen);
    } catch (error) {
      await part.restart();
      throw error;
    }
  };
  return {
    add: async (piece: Buffer): Promise<void> => {
      if (head === null) return;
      head = Buffer.concat([head, piece]).subarray(0, headBytes);
      if (head.length === headBytes) await inspect();
    },
    end: inspect,
  };
};
