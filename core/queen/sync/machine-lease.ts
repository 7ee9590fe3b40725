/** Keeps other syncs from a machine for as long as this one works on it. */
import { hostname } from 'node:os';
import { RbeeError } from '../../contract/errors.ts';
import type { LeaseAnswer, LeaseRequest } from '../../ssh/agent/protocol.ts';
import type { Lease } from '../../sync/effects.ts';

/** How a lease is asked for and given back on the machine. */
export interface LeaseKeeper {
  lease(request: LeaseRequest): Promise<LeaseAnswer>;
  release(file: string, owner: string): Promise<unknown>;
}

export interface LeaseOwner {
  /** The same for all queens of one state folder, of which only one lives at a time. */
  queen: string;
  /** Of this start of her. */
  start: string;
  job: string;
}

export interface LeaseOptions {
  /** Alias of the hive, for the error. */
  hive: string;
  file: string;
  owner: LeaseOwner;
  takeOver: boolean;
  /** The file itself may go with all else that is removed. */
  removing?: boolean;
}

/** A lease whose owner is dead blocks nobody for longer than this. */
const leaseMs = 60_000;
const renewMs = 15_000;

/** Throws SYNC_LOCKED with who has it. */
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
        // A connection that comes back in time has lost nothing.
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

/** This queen lives, so one of the same state folder that was started earlier does not. */
const isPredecessor = (other: string, { queen, start }: LeaseOwner): boolean =>
  other.startsWith(`${queen}:`) && !other.startsWith(`${queen}:${start}:`);

const locked = (hive: string, { about, since }: { about: string; since: string }): RbeeError =>
  RbeeError.of('SYNC_LOCKED', { hive, owner: about, since });
