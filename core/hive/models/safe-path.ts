/** Names of model files. Part files and locks add to them, so they are shorter than the system would take. */
import { isSafePath as isSafe } from '../../contract/safe-path.ts';

export const isSafePath = (path: string): boolean => isSafe(path, { pathBytes: 1_000, nameBytes: 240 });
