/** Follows a log while it is written: as text for people, as lines for the readiness check. */
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { Notifier } from '../async/notifier.ts';
import { sizeOf } from '../fs/file-kind.ts';
import { LogReader, watchFile } from './reader.ts';
import { tailText } from './tail.ts';

export interface FollowOptions {
  /** Lines from the end to start with; 0 for new lines only. */
  lines: number;
  /** Stops following; the iteration then ends normally. */
  signal: AbortSignal;
}

/** Yields the last lines, then new text as it arrives. Continues across rotation. */
export async function* follow(file: string, options: FollowOptions): AsyncGenerator<string, void, void> {
  const { signal } = options;
  const offset = (await sizeOf(file)) ?? 0;
  const last = await tailText(file, options.lines, { end: offset });
  if (last !== '') yield last;
  const reader = new LogReader(file, offset);
  const decoder = new StringDecoder('utf8');
  const notifier = new Notifier();
  const notify = () => notifier.notify();
  const stop = watchFile(file, notify);
  signal.addEventListener('abort', notify);
  try {
    while (!signal.aborted) {
      const bytes = await reader.read();
      if (bytes === null) await notifier.wait();
      else yield decoder.write(bytes);
    }
  } finally {
    signal.removeEventListener('abort', notify);
    stop();
  }
}

export interface WatchLinesOptions {
  /** Byte offset to start at. */
  from: number;
  /** New complete lines, oldest first. Must not throw. */
  onLines: (lines: readonly string[]) => void;
  /** Deliver every line; otherwise a flood of output is skipped in part. */
  complete: boolean;
}

/** Calls `onLines` as lines are written, until the returned function is called. */
export const watchLines = (file: string, options: WatchLinesOptions): (() => void) => {
  const ended = new AbortController();
  const notifier = new Notifier();
  const stop = watchFile(file, () => notifier.notify());
  void readLines(file, options, notifier, ended.signal).catch(() => {
    // A log that cannot be read shows nothing; readiness depends on its other signs and its deadline.
  });
  return () => {
    stop();
    ended.abort();
    notifier.notify();
  };
};

const backlog = 4 * 1024 * 1024;
const maxLineChars = 64 * 1024;
/** A flood is read in pieces with pauses, so that it does not keep a whole core busy. */
const pauseAfterPieceMs = 10;

const readLines = async (
  file: string,
  options: WatchLinesOptions,
  notifier: Notifier,
  signal: AbortSignal,
): Promise<void> => {
  const reader = new LogReader(file, options.from);
  const decoder = new StringDecoder('utf8');
  let partial = '';
  while (!signal.aborted) {
    const bytes = await reader.read(256 * 1024, options.complete ? undefined : backlog);
    if (signal.aborted) return;
    if (bytes === null) {
      await notifier.wait();
      continue;
    }
    const lines = (partial + decoder.write(bytes)).split('\n');
    partial = (lines.pop() ?? '').slice(0, maxLineChars);
    if (lines.length > 0) options.onLines(lines);
    if (bytes.length >= 256 * 1024 && !options.complete) await delay(pauseAfterPieceMs, undefined, { ref: false });
  }
};
