/** Watches the packages that npm installs into a folder: reports progress, and stops npm if they become too large. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes, formatDuration } from '../../narration/quantities.ts';
import { type TreeSize, treeSize } from '../../programs/tree-size.ts';
import { largestPackage } from './largest-package.ts';

/** Maximum size of a whole tree on disk. */
export interface TreeLimits {
  bytes: number;
  files: number;
}

/** Enough for any engine with its libraries, but not enough to fill a disk unnoticed. */
export const treeLimits: TreeLimits = { bytes: 16 * 1024 ** 3, files: 400_000 };

export interface TreeWatch {
  /** The tree, which contains `node_modules`. */
  folder: string;
  /** Name of the plugin. */
  plugin: string;
  /** Id of the narrated step. */
  step: string;
  limits: TreeLimits;
  narrate: Narrate;
  signal?: AbortSignal;
}

/** Milliseconds between two checks; longer if a check itself is slow. */
const pauseMs = 400;
const pauseShare = 10;

/**
 * Runs `work`, which fills the folder, and returns its result. The work's signal is aborted if the tree is too large or
 * the watch's own signal is aborted. Errors: any from `work`, PACKAGE_REFUSED.
 */
export const watchTree = async <Result>(
  watch: TreeWatch,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const stop = new AbortController();
  const signal = watch.signal ? AbortSignal.any([watch.signal, stop.signal]) : stop.signal;
  const over = new AbortController();
  const watching = look(watch, over.signal).catch((error) => stop.abort(error));
  try {
    const result = await work(signal);
    over.abort();
    await watching;
    // It may have grown since the last check, or that check may have been too late to stop the work.
    stop.signal.throwIfAborted();
    await refuseTooLarge(watch, await treeSize(watch.folder, watch.signal));
    return result;
  } finally {
    over.abort();
    await watching;
  }
};

const look = async (watch: TreeWatch, over: AbortSignal): Promise<void> => {
  const { folder, step, narrate } = watch;
  const began = performance.now();
  while (!over.aborted) {
    const at = performance.now();
    const size = await treeSize(join(folder, 'node_modules'));
    if (over.aborted) return;
    const { bytes, files } = size;
    const doing =
      files === 0 ? 'resolving dependencies' : `unpacking, ${files} ${files === 1 ? 'file' : 'files'} so far`;
    const text = `${doing}, ${formatDuration(at - began)}`;
    narrate({ kind: 'progress', id: step, done: bytes, unit: 'bytes', text });
    await refuseTooLarge(watch, size);
    await delay(Math.max(pauseMs, (performance.now() - at) * pauseShare), undefined, { signal: over }).catch(() => {});
  }
};

const refuseTooLarge = async ({ folder, plugin, limits }: TreeWatch, { bytes, files }: TreeSize): Promise<void> => {
  const problem =
    bytes > limits.bytes
      ? `more than ${formatBytes(limits.bytes)} on disk`
      : files > limits.files
        ? `more than ${limits.files} files`
        : null;
  if (problem === null) return;
  const { name, size } = await largestPackage(join(folder, 'node_modules'));
  const largest = `the largest is ${name}, with ${formatBytes(size.bytes)} in ${size.files} files`;
  throw RbeeError.of('PACKAGE_REFUSED', { package: plugin, problem: `its dependencies take ${problem}; ${largest}` });
};
