/** How many applications may be connected at once: they must not take the file descriptors that queen and hive live on. */
import { readFileSync } from 'node:fs';

/** What the queen needs besides: sockets, database, logs, looks into /proc. */
const ownDescriptors = 48;
const unlimited = 65_536;

/** Each request takes two descriptors, its own and that of the worker's connection. */
export const connectionLimit = (descriptors = descriptorLimit()): number =>
  Math.max(4, Math.floor((descriptors - ownDescriptors) / 2));

/** Open files that this process may have, as Linux tells; Node has raised it to the hard limit. */
const descriptorLimit = (): number => {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? unlimited);
  } catch {
    return unlimited;
  }
};
