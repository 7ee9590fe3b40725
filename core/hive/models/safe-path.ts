/** Names of a model's files, which come from a hub or a queen. */
import { isSafePath as isInside } from '../../contract/safe-path.ts';

/** A relative path that leads nowhere else. Shorter than others may be: what is put beside a file has a longer name. */
export const isSafePath = (path: string): boolean => isInside(path, { pathBytes: 1_000, nameBytes: 240 });
