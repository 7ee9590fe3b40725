/** One download: goes on where an earlier one stopped, over broken connections, until the bytes are the promised ones. */
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RbeeError } from '../contract/errors.ts';
import { ensureSpace, spaceError } from '../lifecycle/fs/disk-space.ts';
import { type HttpAgent, httpAgent, type Incoming } from './http-agent.ts';
import { answerOf, plainUrl, retryAfterMs, TransientError } from './http-answers.ts';
import { PartFile } from './part-file.ts';

export interface DownloadPace {
  /** Milliseconds without a byte after which a connection is given up. */
  stallMs: number;
  /** Tries in a row that bring nothing new before the download is given up. */
  attempts: number;
  /** Milliseconds before the second try; doubled for each later one. */
  pauseMs: number;
}

export const usualPace: DownloadPace = { stallMs: 30_000, attempts: 5, pauseMs: 500 };

export interface DownloadOptions {
  /** Where the file goes, whole or not at all; its part is kept beside it. */
  path: string;
  sha256: string;
  env: NodeJS.ProcessEnv;
  pace: DownloadPace;
  signal: AbortSignal;
  onProgress?: (done: number, total?: number) => void;
}

const mostRedirects = 10;
const longestPauseMs = 30_000;
/** Bytes between two looks at the room on disk while the size is not known. */
const lookEvery = 64 * 1024 * 1024;

export const download = async (url: string, options: DownloadOptions): Promise<void> => {
  const folder = dirname(options.path);
  const part = await PartFile.open(options.path);
  const agent = await httpAgent(options.env, options.pace.stallMs);
  try {
    await untilWhole(url, part, agent, options);
    await part.complete(options.path);
  } catch (error) {
    throw (await spaceError(folder, error)) ?? error;
  } finally {
    await part.close();
    await agent.close();
  }
};

const untilWhole = async (url: string, part: PartFile, agent: HttpAgent, options: DownloadOptions): Promise<void> => {
  if (part.size > 0 && part.digest() === options.sha256) return;
  for (let last = false; ; last = true) {
    const inPieces = await getAll(url, part, agent, options);
    const actual = part.digest();
    if (actual === options.sha256) return;
    if (last || !inPieces) {
      await part.remove();
      throw RbeeError.of('CHECKSUM_MISMATCH', { url: plainUrl(url), actual, expected: options.sha256 });
    }
    // The pieces may be of two different files: the whole one is asked for once more.
    await part.restart();
  }
};

/** Brings in the rest, over as many connections as it takes. Returns whether it came in pieces. */
const getAll = async (url: string, part: PartFile, agent: HttpAgent, options: DownloadOptions): Promise<boolean> => {
  const { pace, signal } = options;
  let inPieces = false;
  for (let failures = 0; ; ) {
    const before = part.size;
    inPieces ||= before > 0;
    try {
      await getRest(url, part, agent, options);
      return inPieces;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      failures = part.size > before ? 1 : failures + 1;
      if (failures >= pace.attempts) {
        const problem = error.message;
        throw RbeeError.of('DOWNLOAD_FAILED', { url: plainUrl(url), problem }, { cause: error.cause });
      }
      const backOff = pace.pauseMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await delay(Math.min(longestPauseMs, Math.max(error.waitMs, backOff)), undefined, { signal });
    }
  }
};

const getRest = async (url: string, part: PartFile, agent: HttpAgent, options: DownloadOptions): Promise<void> => {
  const headers: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity' };
  if (part.size > 0) {
    headers['range'] = `bytes=${part.size}-`;
    const { origin } = part;
    if (origin?.url === url && origin.validator) headers['if-range'] = origin.validator;
  }
  const incoming = await follow(url, headers, agent, options.signal);
  try {
    await take(url, incoming, part, options);
  } finally {
    incoming.body.on('error', () => {}).destroy();
  }
};

/** The answer at the end of the redirects. */
const follow = async (
  url: string,
  headers: Record<string, string>,
  agent: HttpAgent,
  signal: AbortSignal,
): Promise<Incoming> => {
  let at = new URL(url);
  for (let hops = 0; ; hops++) {
    const incoming = await agent.get(at, headers, signal).catch((error) => {
      throw TransientError.from(error, url);
    });
    const location = incoming.headers['location'];
    if (![301, 302, 303, 307, 308].includes(incoming.status) || typeof location !== 'string') return incoming;
    incoming.body.on('error', () => {}).destroy();
    const refused = (problem: string) => RbeeError.of('DOWNLOAD_FAILED', { url: plainUrl(url), problem });
    if (hops >= mostRedirects) throw refused(`it is redirected more than ${mostRedirects} times`);
    const next = URL.parse(location, at);
    if (!next || !/^https?:$/.test(next.protocol)) throw refused(`it is redirected to "${plainUrl(location)}"`);
    if (at.protocol === 'https:' && next.protocol !== 'https:')
      throw refused(`it is redirected from https to ${plainUrl(next.href)}`);
    at = next;
  }
};

const take = async (url: string, incoming: Incoming, part: PartFile, options: DownloadOptions): Promise<void> => {
  const answer = answerOf(incoming, part.size);
  switch (answer.kind) {
    case 'whole':
      return;
    case 'elsewhere':
      await part.restart();
      throw new TransientError('the server has another part of the file than it was asked for', undefined);
    case 'failed':
      if (answer.transient) throw new TransientError(answer.problem, undefined, retryAfterMs(incoming));
      throw RbeeError.of('DOWNLOAD_FAILED', { url: plainUrl(url), problem: answer.problem });
    case 'bytes':
      if (answer.from === 0 && part.size > 0) await part.restart();
      await part.setOrigin({ url, validator: answer.validator });
      await copy(url, incoming, part, answer.total, options);
  }
};

const copy = async (
  url: string,
  { body }: Incoming,
  part: PartFile,
  total: number | undefined,
  { path, onProgress }: DownloadOptions,
): Promise<void> => {
  const folder = dirname(path);
  await ensureSpace(folder, total === undefined ? 0 : total - part.size);
  onProgress?.(part.size, total);
  let lookAt = part.size + lookEvery;
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const piece = await pieces.next().catch((error: unknown) => {
      throw TransientError.from(error, url);
    });
    if (piece.done) break;
    await part.append(piece.value as Buffer);
    onProgress?.(part.size, total);
    if (part.size < lookAt) continue;
    lookAt = part.size + lookEvery;
    await ensureSpace(folder, 0);
  }
  if (total !== undefined && part.size < total) throw new TransientError('the connection ended early', undefined);
};
