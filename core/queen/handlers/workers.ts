/** Changing a worker that exists. Its requests come first: they may finish before its hive is asked. */
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { HiveCall } from '../../hive/client.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { WorkerCall } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import { workerView } from '../fleet/views.ts';
import { type WorkerName, workerKey } from '../fleet/worker-key.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Handler, Parts } from './parts.ts';

export const startWorker =
  ({ fleet }: Parts): Handler<'worker_start'> =>
  async (name, { signal, narrate, job }) => {
    const { member, uid } = find(fleet, name);
    return applied(member, await member.connection.client.start(name.worker, { uid, signal, narrate, job }));
  };

export const stopWorker =
  (parts: Parts): Handler<'worker_stop'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, call) =>
      applied(member, await member.connection.client.stop(worker, { ...call, now })),
    );

export const sleepWorker =
  (parts: Parts): Handler<'worker_sleep'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, call) =>
      applied(member, await member.connection.client.sleep(worker, { ...call, now })),
    );

export const wakeWorker =
  ({ fleet }: Parts): Handler<'worker_wake'> =>
  (name, { signal, narrate, job }) =>
    wakeOn(fleet, name, { signal, narrate, job });

/** Throws WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, and why it does not wake. */
export const wakeOn = async (fleet: Fleet, name: WorkerName, call: HiveCall = {}): Promise<WorkerView> => {
  const { member, uid } = find(fleet, name);
  return applied(member, await member.connection.client.wake(name.worker, { ...call, uid }));
};

export const restartWorker =
  (parts: Parts): Handler<'worker_restart'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, call) =>
      applied(member, await member.connection.client.restart(worker, { ...call, now })),
    );

export const deleteWorker =
  (parts: Parts): Handler<'worker_delete'> =>
  ({ worker, hive, now }, context) =>
    quietly(parts, { worker, hive }, now, context, async (member, call) => {
      const last = await member.connection.client.delete(worker, { ...call, now });
      member.forget(last);
      return workerView(last, member.connection.alias, false);
    });

/**
 * The hive of a worker, and the worker that has this id now: the change is for that one and no other. Throws
 * WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, HIVE_FAULTY.
 */
const find = (fleet: Fleet, name: WorkerName): { member: Member; uid: string | undefined } => {
  const member = fleet.online(fleet.owner(name).connection.alias);
  return { member, uid: member.workers.get(name.worker)?.uid };
};

const applied = (member: Member, worker: HiveWorker): WorkerView => {
  member.apply(worker);
  return workerView(worker, member.connection.alias, false);
};

/**
 * Routes no more requests to the worker, waits for those under way (unless `now`), closes what is left, and then does the
 * change: some engines do not end while a client is connected. Afterwards it may get requests again, if it is ready.
 */
const quietly = async (
  { gateway, fleet }: Parts,
  name: WorkerName,
  now: boolean | undefined,
  { signal, narrate, job }: JobContext,
  change: (member: Member, call: WorkerCall) => Promise<WorkerView>,
): Promise<WorkerView> => {
  const { member, uid } = find(fleet, name);
  const worker = { key: workerKey(member.connection.alias, name.worker), id: name.worker };
  gateway.hold(worker.key);
  try {
    await gateway.drain(worker, { now, signal, narrate });
    return await change(member, { uid, signal, narrate, job });
  } finally {
    gateway.release(worker.key);
  }
};
