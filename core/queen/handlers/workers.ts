/** Changing a worker that exists. Its requests come first: they may finish before its hive is asked. */
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { HiveCall } from '../../hive/client.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Member } from '../fleet/member.ts';
import { workerView } from '../fleet/views.ts';
import { type WorkerName, workerKey } from '../fleet/worker-key.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Handler, Parts } from './parts.ts';

export const startWorker =
  (parts: Parts): Handler<'worker_start'> =>
  async (name, { signal, narrate, job }) => {
    const member = ownerOf(parts, name);
    return applied(member, await member.connection.client.start(name.worker, { signal, narrate, job }));
  };

export const stopWorker =
  (parts: Parts): Handler<'worker_stop'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, { signal, narrate, job }) =>
      applied(member, await member.connection.client.stop(worker, { now, signal, narrate, job })),
    );

export const sleepWorker =
  (parts: Parts): Handler<'worker_sleep'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, { signal, narrate, job }) =>
      applied(member, await member.connection.client.sleep(worker, { now, signal, narrate, job })),
    );

export const wakeWorker =
  ({ fleet }: Parts): Handler<'worker_wake'> =>
  (name, { signal, narrate, job }) =>
    wakeOn(fleet, name, { signal, narrate, job });

/** Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, and why it does not wake. */
export const wakeOn = async (fleet: Fleet, name: WorkerName, call: HiveCall = {}): Promise<WorkerView> => {
  const member = ownerOf({ fleet }, name);
  return applied(member, await member.connection.client.wake(name.worker, call));
};

export const restartWorker =
  (parts: Parts): Handler<'worker_restart'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, { signal, narrate, job }) =>
      applied(member, await member.connection.client.restart(worker, { now, signal, narrate, job })),
    );

export const deleteWorker =
  (parts: Parts): Handler<'worker_delete'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, { signal, narrate, job }) => {
      const last = await member.connection.client.delete(worker, { now, signal, narrate, job });
      member.forget(worker);
      return workerView(last, member.connection.alias, false);
    });

/** Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, HIVE_FAULTY. */
const ownerOf = ({ fleet }: Pick<Parts, 'fleet'>, name: WorkerName): Member =>
  fleet.online(fleet.owner(name).connection.alias);

const applied = (member: Member, worker: HiveWorker): WorkerView => {
  member.apply(worker);
  return workerView(worker, member.connection.alias, false);
};

/**
 * Routes no more requests to the worker, waits for those under way (unless `now`), closes what is left, and then does the
 * change: some engines do not end while a client is connected. Afterwards it may get requests again, if it is ready.
 */
const quietly = async (
  { gateway, ...parts }: Parts,
  name: WorkerName,
  now: boolean | undefined,
  context: JobContext,
  change: (member: Member, context: JobContext) => Promise<WorkerView>,
): Promise<WorkerView> => {
  const member = ownerOf(parts, name);
  const worker = { key: workerKey(member.connection.alias, name.worker), id: name.worker };
  gateway.hold(worker.key);
  try {
    await gateway.drain(worker, { now, signal: context.signal, narrate: context.narrate });
    return await change(member, context);
  } finally {
    gateway.release(worker.key);
  }
};
