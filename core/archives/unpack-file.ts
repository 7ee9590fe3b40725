/** A download that is no archive but the program itself: placed as the only file of its folder. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { TreeWriter } from './tree-writer.ts';
import type { UnpackJob } from './unpack-job.ts';

export const placeFile = async (job: UnpackJob, tree: TreeWriter, name: string): Promise<void> => {
  const { size } = await stat(job.archive);
  const source = createReadStream(job.archive, { signal: job.signal });
  await tree.file(name, 0o755, source);
  job.onProgress(size, size);
};
