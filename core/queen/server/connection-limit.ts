/** How many applications may be connected at once: they must not take the file descriptors that queen and hive live on. */
import { readFileSync } from 'node:fs';

/** What the queen needs besides: sockets, database, logs, looks into /proc. */
const ownDescriptors = 48;
const unlimited = 65_536;

/** A request takes up to three descriptors: its own, that of the worker's connection, and that of a body on disk. */
export const connectionLimit = (descriptors = descriptorLimit()): number =>
  Math.max(4, Math.floor((descriptors - ownDescriptors) / 3));

/** Open files that this process may have, as Linux tells; Node has raised it to the hard limit. */
const descriptorLimit = (): number => {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? unlimited);
  } catch {
    return unlimited;
  }
};
