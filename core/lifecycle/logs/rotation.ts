/** Keeps a log small while its writer continues: copies the content aside and truncates the file. */
import { open, rename, rm, truncate } from 'node:fs/promises';
import { sizeOf } from '../fs/file-kind.ts';
import { rotated } from './reader.ts';

export interface RotationOptions {
  /** Size in bytes at which the log is truncated. 16 MiB when absent. */
  limit?: number;
  /** Old pieces to keep: `file.1` is the newest. 3 when absent. */
  keep?: number;
}

/** Old pieces of a log kept by default. */
export const keptLogs = 3;
const defaultLimit = 16 * 1024 * 1024;

/** Truncates the log when it is over the limit; returns whether it was. Never throws. */
export const rotate = async (file: string, options: RotationOptions = {}): Promise<boolean> => {
  const limit = options.limit ?? defaultLimit;
  const keep = options.keep ?? keptLogs;
  try {
    if (((await sizeOf(file)) ?? 0) <= limit) return false;
    await saveCopy(file, limit, keep).catch(() => {
      // A disk too full for the copy is the best reason to truncate the log anyway.
    });
    await truncate(file, 0);
    return true;
  } catch {
    return false;
  }
};

/**
 * Checks the log every `everyMs` (250) and rotates it; one that does not grow is checked less often, at least once a
 * second. Returns a function that stops it. Does not keep the process alive.
 */
export const rotateRegularly = (file: string, options: RotationOptions & { everyMs?: number } = {}): (() => void) => {
  const { everyMs = 250, limit = defaultLimit } = options;
  let ended = false;
  let size = -1;
  let pause = everyMs;
  let timer: NodeJS.Timeout;
  const look = async () => {
    const before = size;
    size = (await sizeOf(file)) ?? 0;
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

/**
 * The copy continues to the writer's newest line, so that little is lost before the truncation. If a flood outruns it,
 * the copy keeps at most twice the limit: the newest part.
 */
const saveCopy = async (file: string, limit: number, keep: number): Promise<void> => {
  if (keep < 1) return;
  const temporary = `${rotated(file, 1)}.tmp`;
  try {
    await copyEnd(file, temporary, limit);
    for (let number = keep; number > 1; number -= 1) {
      await rename(rotated(file, number - 1), rotated(file, number)).catch(() => {
        // There are fewer pieces so far.
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
