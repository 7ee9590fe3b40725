/** Changing a worker that is there. Its requests come first: they are let finish before its hive is asked. */
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { HiveCall } from '../../hive/client.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Member } from '../fleet/member.ts';
import { workerView } from '../fleet/views.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Handler, Parts } from './parts.ts';

export const startWorker =
  (parts: Parts): Handler<'worker_start'> =>
  async ({ worker }, { signal, narrate, job }) => {
    const member = ownerOf(parts, worker);
    return applied(member, await member.connection.client.start(worker, { signal, narrate, job }));
  };

export const stopWorker =
  (parts: Parts): Handler<'worker_stop'> =>
  ({ worker, now }, context) =>
    quietly(parts, worker, now, context, async (member, { signal, narrate, job }) =>
      applied(member, await member.connection.client.stop(worker, { now, signal, narrate, job })),
    );

export const sleepWorker =
  (parts: Parts): Handler<'worker_sleep'> =>
  ({ worker, now }, context) =>
    quietly(parts, worker, now, context, async (member, { signal, narrate, job }) =>
      applied(member, await member.connection.client.sleep(worker, { now, signal, narrate, job })),
    );

export const wakeWorker =
  ({ fleet }: Parts): Handler<'worker_wake'> =>
  ({ worker }, { signal, narrate, job }) =>
    wakeOn(fleet, worker, { signal, narrate, job });

/** Throws WORKER_NOT_FOUND, HIVE_UNREACHABLE, and why it does not wake. */
export const wakeOn = async (fleet: Fleet, worker: string, call: HiveCall = {}): Promise<WorkerView> => {
  const member = ownerOf({ fleet }, worker);
  return applied(member, await member.connection.client.wake(worker, call));
};

export const restartWorker =
  (parts: Parts): Handler<'worker_restart'> =>
  ({ worker, now }, context) =>
    quietly(parts, worker, now, context, async (member, { signal, narrate, job }) =>
      applied(member, await member.connection.client.restart(worker, { now, signal, narrate, job })),
    );

export const deleteWorker =
  (parts: Parts): Handler<'worker_delete'> =>
  ({ worker, now }, context) =>
    quietly(parts, worker, now, context, async (member, { signal, narrate, job }) => {
      const last = await member.connection.client.delete(worker, { now, signal, narrate, job });
      member.forget(worker);
      return workerView(last, member.connection.alias, false);
    });

/** Throws WORKER_NOT_FOUND, HIVE_UNREACHABLE. */
const ownerOf = ({ fleet }: Pick<Parts, 'fleet'>, worker: string): Member =>
  fleet.online(fleet.owner(worker).connection.alias);

const applied = (member: Member, worker: HiveWorker): WorkerView => {
  member.apply(worker);
  return workerView(worker, member.connection.alias, false);
};

/**
 * Sends the worker no more requests, waits for those under way (unless `now`), closes what is left, and then does the
 * change: some engines do not end while a client is connected. Afterwards it may get requests again, if it is ready.
 */
const quietly = async (
  { gateway, ...parts }: Parts,
  worker: string,
  now: boolean | undefined,
  context: JobContext,
  change: (member: Member, context: JobContext) => Promise<WorkerView>,
): Promise<WorkerView> => {
  const member = ownerOf(parts, worker);
  gateway.hold(worker);
  try {
    await gateway.drain(worker, { now, signal: context.signal, narrate: context.narrate });
    return await change(member, context);
  } finally {
    gateway.release(worker);
  }
};
