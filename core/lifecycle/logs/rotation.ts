/** Keeps a log small while its writer goes on: what is there is copied aside, and the file is cut to nothing. */
import { open, rename, rm, stat, truncate } from 'node:fs/promises';
import { rotated } from './reader.ts';

export interface RotationOptions {
  /** Bytes at which the log is cut. 16 MiB when absent. */
  limit?: number;
  /** Old pieces to keep: `file.1` is the youngest. 3 when absent. */
  keep?: number;
}

/** Old pieces of a log that are kept unless told otherwise. */
export const keptLogs = 3;
const usualLimit = 16 * 1024 * 1024;

/** Looks at the log's size and cuts it when it is over the limit. True when it was. Never throws. */
export const rotate = async (file: string, options: RotationOptions = {}): Promise<boolean> => {
  const limit = options.limit ?? usualLimit;
  const keep = options.keep ?? keptLogs;
  try {
    if ((await sizeOf(file)) <= limit) return false;
    await saveCopy(file, limit, keep).catch(() => {
      // A disk too full to keep the old piece is the best reason to cut the log all the same.
    });
    await truncate(file, 0);
    return true;
  } catch {
    return false;
  }
};

/**
 * Looks at the log after `everyMs` (250) and from then on, and rotates it; one that has not grown is looked at less
 * often, at least once a second. Returns what ends it; it keeps no process alive.
 */
export const rotateRegularly = (file: string, options: RotationOptions & { everyMs?: number } = {}): (() => void) => {
  const { everyMs = 250, limit = usualLimit } = options;
  let ended = false;
  let size = -1;
  let pause = everyMs;
  let timer: NodeJS.Timeout;
  const look = async () => {
    const before = size;
    size = await sizeOf(file);
    if (size > limit) await rotate(file, options);
    pause = size === before ? Math.min(pause * 2, Math.max(everyMs, 1_000)) : everyMs;
    if (!ended) timer = setTimeout(look, pause).unref();
  };
  timer = setTimeout(look, pause).unref();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
};

/** 0 when there is no such file. */
const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/**
 * The copy is read to the writer's newest line, so that little is lost between it and the cut. A flood that outruns it
 * keeps at most twice the limit: its newest part.
 */
const saveCopy = async (file: string, limit: number, keep: number): Promise<void> => {
  if (keep < 1) return;
  const temporary = `${rotated(file, 1)}.tmp`;
  try {
    await copyEnd(file, temporary, limit);
    for (let number = keep; number > 1; number -= 1) {
      await rename(rotated(file, number - 1), rotated(file, number)).catch(() => {
        // There are not that many pieces yet.
      });
    }
    await rename(temporary, rotated(file, 1));
  } finally {
    await rm(temporary, { force: true });
  }
};

const copyEnd = async (file: string, copy: string, limit: number): Promise<void> => {
  const source = await open(file, 'r');
  try {
    const target = await open(copy, 'w', 0o600);
    try {
      const { size } = await source.stat();
      const buffer = Buffer.allocUnsafe(256 * 1024);
      let offset = size > 2 * limit ? size - limit : 0;
      for (let written = 0; written < 2 * limit; ) {
        const { bytesRead } = await source.read(buffer, 0, buffer.length, offset);
        if (bytesRead === 0) break;
        await target.write(buffer, 0, bytesRead);
        offset += bytesRead;
        written += bytesRead;
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
};
