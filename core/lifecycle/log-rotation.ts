/** Keeps a log small while its writer goes on: what is there is copied aside, and the file is cut to nothing. */
import { open, rename, rm, stat, truncate } from 'node:fs/promises';
import { rotated } from './log-reader.ts';

export interface RotationOptions {
  /** Bytes at which the log is cut. 16 MiB when absent. */
  limit?: number;
  /** Old pieces to keep: `file.1` is the youngest. 3 when absent. */
  keep?: number;
}

/** Old pieces of a log that are kept unless told otherwise. */
export const keptLogs = 3;

/** Looks at the log's size and cuts it when it is over the limit. True when it was. Never throws. */
export const rotate = async (file: string, options: RotationOptions = {}): Promise<boolean> => {
  const limit = options.limit ?? 16 * 1024 * 1024;
  const keep = options.keep ?? keptLogs;
  try {
    if ((await stat(file)).size <= limit) return false;
    await saveCopy(file, limit, keep).catch(() => {
      // A disk too full to keep the old piece is the best reason to cut the log all the same.
    });
    await truncate(file, 0);
    return true;
  } catch {
    return false;
  }
};

/** Rotates the log now and every `everyMs` from now on. Returns what ends it; it keeps no process alive. */
export const rotateRegularly = (file: string, options: RotationOptions & { everyMs?: number } = {}): (() => void) => {
  let busy = false;
  const look = async () => {
    if (busy) return;
    busy = true;
    await rotate(file, options);
    busy = false;
  };
  void look();
  const timer = setInterval(look, options.everyMs ?? 250).unref();
  return () => clearInterval(timer);
};

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
