/** The lease to change this machine: a file with an owner and an expiry by this machine's clock, so that a dead owner does not block others. */
import { rm } from 'node:fs/promises';
import { readSmallFile } from '../../boundary/small-file.ts';
import { writeAtomic } from '../../lifecycle/fs/atomic-file.ts';
import { withLock } from '../../lifecycle/fs/instance-lock.ts';
import type { LeaseAnswer, LeaseRequest } from './protocol.ts';

interface Lease {
  owner: string;
  about: string;
  /** ISO 8601. */
  since: string;
  /** Milliseconds since 1970. */
  until: number;
}

const lockMs = 10_000;

/** Takes or renews the lease. An expired lease, or one to be taken over, counts as free. */
export const lease = ({
  file,
  owner,
  about,
  ms,
  takeOver = false,
  heirOf,
  renew = false,
}: LeaseRequest): Promise<LeaseAnswer> =>
  withLock(
    `${file}.lock`,
    async () => {
      const there = await read(file);
      const now = Date.now();
      // A clock that was set back must not extend a lease forever.
      const lasts = there !== null && there.until > now && there.until <= now + maxLeaseMs;
      if (there && lasts && there.owner !== owner && there.owner !== heirOf && !takeOver) {
        return { held: false, owner: there.owner, about: there.about, since: there.since };
      }
      // Another owner may have taken it over and released it since.
      if (renew && there?.owner !== owner) {
        return { held: false, owner: '', about: 'another sync', since: new Date(now).toISOString() };
      }
      const since = there?.owner === owner ? there.since : new Date(now).toISOString();
      const mine: Lease = { owner, about, since, until: now + Math.min(ms, maxLeaseMs) };
      await writeAtomic(file, JSON.stringify(mine));
      return { held: true };
    },
    { timeoutMs: lockMs },
  );

/** Releases the lease if it is still owned. Creates nothing if there is none. */
export const release = async (file: string, owner: string): Promise<void> => {
  if ((await read(file)) === null) return;
  await withLock(
    `${file}.lock`,
    async () => {
      if ((await read(file))?.owner === owner) await rm(file, { force: true });
    },
    { timeoutMs: lockMs },
  );
};

const maxLeaseMs = 10 * 60_000;

const read = async (file: string): Promise<Lease | null> => {
  try {
    const value = JSON.parse(await readSmallFile(file)) as Partial<Lease>;
    const { owner, about, since, until } = value;
    const isWhole = [owner, about, since].every((text) => typeof text === 'string') && typeof until === 'number';
    return isWhole ? (value as Lease) : null;
  } catch {
    // Missing or damaged: no owner.
    return null;
  }
};
