/** Where request bodies wait for a worker: in memory up to a budget, otherwise on disk. */
import { BodyMemory } from './body-memory.ts';
import { type BodyLimits, bodyLimits } from './limits.ts';
import { Spool } from './spool.ts';

export interface BodyStores {
  memory: BodyMemory;
  spool: Spool;
  limits: BodyLimits;
}

/** `folder` is for the spool alone; `maxBytes` is the max size of a body. */
export const bodyStores = (folder: string, maxBytes: number): BodyStores => ({
  memory: new BodyMemory(),
  spool: new Spool(folder),
  limits: bodyLimits(maxBytes),
});
