/** How many clients may be connected at once, so that they do not use up the process's file descriptors. */
import { readFileSync } from 'node:fs';

/** Descriptors kept for everything else: sockets, database, logs, reads of /proc. */
const reservedDescriptors = 48;
const unlimited = 65_536;

/** A request uses up to three descriptors: its own, its connection to a worker, and its body if that is on disk. */
export const connectionLimit = (descriptors = descriptorLimit()): number =>
  Math.max(4, Math.floor((descriptors - reservedDescriptors) / 3));

/** How many files this process may open, according to Linux; Node has raised the soft limit to the hard one. */
const descriptorLimit = (): number => {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? unlimited);
  } catch {
    return unlimited;
  }
};
