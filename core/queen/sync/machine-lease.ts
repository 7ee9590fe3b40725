/** A lease on a machine, so that only one sync works on it at a time. */
import { hostname } from 'node:os';
import { RbeeError } from '../../contract/errors.ts';
import type { LeaseAnswer, LeaseRequest } from '../../ssh/agent/protocol.ts';
import type { Lease } from '../../sync/effects.ts';

/** Takes and releases a lease on the machine. */
export interface LeaseKeeper {
  lease(request: LeaseRequest): Promise<LeaseAnswer>;
  release(file: string, owner: string): Promise<unknown>;
}

export interface LeaseOwner {
  /** Identifies the state folder of a queen. Only one queen uses it at a time. */
  queen: string;
  /** Identifies one start of the queen. */
  start: string;
  job: string;
}

export interface LeaseOptions {
  /** Alias of the hive, for errors. */
  hive: string;
  file: string;
  owner: LeaseOwner;
  takeOver: boolean;
  /** The job removes the folder of the lease, so a missing lease is taken again and not reported as lost. */
  removing?: boolean;
}

/** A lease whose owner died blocks others no longer than this. */
const leaseMs = 60_000;
const renewMs = 15_000;

/** Throws SYNC_LOCKED, which names the owner. */
export const takeLease = async (
  keeper: LeaseKeeper,
  { hive, file, owner, takeOver, removing = false }: LeaseOptions,
): Promise<Lease> => {
  const { queen, start, job } = owner;
  const mine = [queen, start, job].join(':');
  const about = `a sync from ${hostname()} (${job})`;
  const request = { file, owner: mine, about, ms: leaseMs };
  let answer = await keeper.lease({ ...request, takeOver });
  if (!answer.held && isPredecessor(answer.owner, owner)) {
    answer = await keeper.lease({ ...request, heirOf: answer.owner });
  }
  if (!answer.held) throw locked(hive, answer);
  const lost = new AbortController();
  let renewed = performance.now();
  const timer = setInterval(() => {
    keeper.lease({ ...request, renew: !removing }).then(
      (again) => {
        renewed = performance.now();
        if (!again.held) lost.abort(RbeeError.of('SYNC_LEASE_LOST', { hive, owner: again.about }));
      },
      (error) => {
        // A short loss of the connection does not lose the lease.
        if (performance.now() - renewed > leaseMs) lost.abort(error);
      },
    );
  }, renewMs).unref();
  return {
    lost: lost.signal,
    release: async () => {
      clearInterval(timer);
      await keeper.release(file, mine).catch(() => {});
    },
  };
};

/** Only one queen uses a state folder at a time, so the owner of an earlier start is dead. */
const isPredecessor = (other: string, { queen, start }: LeaseOwner): boolean =>
  other.startsWith(`${queen}:`) && !other.startsWith(`${queen}:${start}:`);

const locked = (hive: string, { about, since }: { about: string; since: string }): RbeeError =>
  RbeeError.of('SYNC_LOCKED', { hive, owner: about, since });
