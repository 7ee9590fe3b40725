/** Follows a log as it is written: as text for people, as lines for readiness. */
import { stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';
import { Bell } from '../async/notifier.ts';
import { LogReader, watchFile } from './reader.ts';
import { tailText } from './tail.ts';

export interface FollowOptions {
  /** Lines from the end to begin with; 0 for only what is new. */
  lines: number;
  /** Ends the following; the iteration then just ends. */
  signal: AbortSignal;
}

/** Yields the last lines, then what is written from then on, in pieces as they come. Goes on over rotation. */
export async function* follow(file: string, options: FollowOptions): AsyncGenerator<string, void, void> {
  const { signal } = options;
  const offset = await sizeOf(file);
  const last = await tailText(file, options.lines, { end: offset });
  if (last !== '') yield last;
  const reader = new LogReader(file, offset);
  const decoder = new StringDecoder('utf8');
  const bell = new Bell();
  const ring = () => bell.ring();
  const stop = watchFile(file, ring);
  signal.addEventListener('abort', ring);
  try {
    while (!signal.aborted) {
      const bytes = await reader.read();
      if (bytes === null) await bell.wait();
      else yield decoder.write(bytes);
    }
  } finally {
    signal.removeEventListener('abort', ring);
    stop();
  }
}

export interface WatchLinesOptions {
  /** Byte offset to begin at. */
  from: number;
  /** New whole lines, oldest first. Must not throw. */
  onLines: (lines: readonly string[]) => void;
  /** Every line counts; otherwise a flood is skipped rather than read to the end. */
  complete: boolean;
}

/** Calls `onLines` as lines are written, until the returned function is called. */
export const watchLines = (file: string, options: WatchLinesOptions): (() => void) => {
  const ended = new AbortController();
  const bell = new Bell();
  const stop = watchFile(file, () => bell.ring());
  void readLines(file, options, bell, ended.signal).catch(() => {
    // A log that cannot be read tells nothing; readiness goes by its other signs and its deadline.
  });
  return () => {
    stop();
    ended.abort();
    bell.ring();
  };
};

const backlog = 4 * 1024 * 1024;
const longestLine = 64 * 1024;
/** A flood is read in pieces with pauses, so that it takes no whole core of its reader. */
const pauseAfterPieceMs = 10;

const readLines = async (file: string, options: WatchLinesOptions, bell: Bell, signal: AbortSignal): Promise<void> => {
  const reader = new LogReader(file, options.from);
  const decoder = new StringDecoder('utf8');
  let partial = '';
  while (!signal.aborted) {
    const bytes = await reader.read(256 * 1024, options.complete ? undefined : backlog);
    if (signal.aborted) return;
    if (bytes === null) {
      await bell.wait();
      continue;
    }
    const lines = (partial + decoder.write(bytes)).split('\n');
    partial = (lines.pop() ?? '').slice(0, longestLine);
    if (lines.length > 0) options.onLines(lines);
    if (bytes.length >= 256 * 1024 && !options.complete) await delay(pauseAfterPieceMs, undefined, { ref: false });
  }
};

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );
