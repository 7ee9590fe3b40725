/** Changes to existing workers. Running requests may finish before the hive acts. */
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { HiveCall } from '../../hive/client.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { WorkerCall } from '../fleet/hive-connection.ts';
import type { Member } from '../fleet/member.ts';
import { workerView } from '../fleet/views.ts';
import { type WorkerName, workerKey } from '../fleet/worker-key.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Provision, Wanted } from '../provision/provision.ts';

/** What a change works with. */
export interface ChangeDeps {
  fleet: Fleet;
  gateway: Pick<Gateway, 'hold' | 'drain' | 'release'>;
}

export interface StartDeps {
  fleet: Fleet;
  provision: Provision;
}

/** A worker by name, and how to stop it. */
export interface StopInput extends WorkerName {
  /** Do not wait for running requests. */
  now?: boolean;
}

type Context = Pick<JobContext, 'job' | 'signal' | 'narrate'>;
/** A start may lack something, and the caller decides whether that is brought. */
type StartContext = Context & Pick<JobContext, 'caller'>;

/** Starts a stopped or failed worker. Errors: as `wakeWorker`, and any from a launch. */
export const startWorker = async (
  { fleet, provision }: StartDeps,
  name: WorkerName,
  context: StartContext,
): Promise<WorkerView> => {
  const { signal, narrate, job } = context;
  const { member, uid } = await find(fleet, name, signal);
  await provision.launch(
    member.connection.alias,
    { start: { id: name.worker, uid } },
    wantedAgain(member, name),
    context,
  );
  return applied(member, await member.connection.client.start(name.worker, { uid, signal, narrate, job }));
};

export const stopWorker = (parts: ChangeDeps, input: StopInput, context: Context): Promise<WorkerView> =>
  drained(parts, input, context, async (member, call) =>
    applied(member, await member.connection.client.stop(input.worker, { ...call, now: input.now })),
  );

export const sleepWorker = (parts: ChangeDeps, input: StopInput, context: Context): Promise<WorkerView> =>
  drained(parts, input, context, async (member, call) =>
    applied(member, await member.connection.client.sleep(input.worker, { ...call, now: input.now })),
  );

/** Errors: WORKER_NOT_FOUND, WORKER_AMBIGUOUS, HIVE_UNREACHABLE, and any from the wake itself. */
export const wakeWorker = async (fleet: Fleet, name: WorkerName, call: HiveCall = {}): Promise<WorkerView> => {
  const { member, uid } = await find(fleet, name, call.signal);
  return applied(member, await member.connection.client.wake(name.worker, { ...call, uid }));
};

/** Provides what it lacks before stopping it. Errors: as `startWorker`. */
export const restartWorker = async (
  parts: ChangeDeps & StartDeps,
  input: StopInput,
  context: StartContext,
): Promise<WorkerView> => {
  const { member, uid } = await find(parts.fleet, input, context.signal);
  const start = { id: input.worker, uid, restart: true };
  await parts.provision.launch(member.connection.alias, { start }, wantedAgain(member, input), context);
  const restart = async (at: Member, call: WorkerCall) =>
    applied(at, await at.connection.client.restart(input.worker, { ...call, now: input.now }));
  return drained(parts, input, context, restart, { returns: true });
};

export const deleteWorker = (parts: ChangeDeps, input: StopInput, context: Context): Promise<WorkerView> =>
  drained(parts, input, context, async (member, call) => {
    const last = await member.connection.client.delete(input.worker, { ...call, now: input.now });
    member.forget(last);
    return workerView(last, member.connection.alias, false);
  });

/** Timeout for a hive that is being restarted. */
const heartbeatTimeoutMs = 10_000;

/**
 * The hive of a worker, and the uid of the worker that has this id now, so that the change affects no other. Waits for
 * a hive that has just died and is being restarted, but not for one that is unreachable. Errors: WORKER_NOT_FOUND,
 * WORKER_AMBIGUOUS, HIVE_UNREACHABLE, HIVE_PROTOCOL_ERROR.
 */
const find = async (
  fleet: Fleet,
  name: WorkerName,
  signal: AbortSignal | undefined,
): Promise<{ member: Member; uid: string | undefined }> => {
  const owner = fleet.owner(name);
  if (owner.status === 'online') await owner.heard(heartbeatTimeoutMs, signal);
  signal?.throwIfAborted();
  const member = fleet.online(owner.connection.alias);
  return { member, uid: member.workers.get(name.worker)?.uid };
};

/** Only the hive knows what an existing worker was started from, so the queen downloads nothing for it. */
const wantedAgain = (member: Member, { worker }: WorkerName): Wanted => {
  const { type, options, model, components = {} } = member.workers.get(worker)?.spec ?? {};
  const about = { ...(type !== undefined && { type }), ...(options && { options }) };
  const all = [['main', model] as const, ...Object.entries(components)];
  const models = all.flatMap(([name, reference]) =>
    reference === undefined
      ? []
      : [
          [
            name,
            { request: { ...about, model: reference, ...(name !== 'main' && { component: name }) }, isWritten: false },
          ],
        ],
  );
  return { options, models: Object.fromEntries(models) };
};

const applied = (member: Member, worker: HiveWorker): WorkerView => {
  member.apply(worker);
  return workerView(worker, member.connection.alias, false);
};

/**
 * Holds new requests, waits for running ones (unless `now`), closes the rest, then makes the change: some engines do
 * not end while a client is connected. Afterwards the worker may get requests again; if it `returns`, they wait for it.
 */
const drained = async (
  { gateway, fleet }: ChangeDeps,
  { now, ...name }: StopInput,
  { signal, narrate, job }: Context,
  change: (member: Member, call: WorkerCall) => Promise<WorkerView>,
  { returns = false } = {},
): Promise<WorkerView> => {
  const { member, uid } = await find(fleet, name, signal);
  const worker = { key: workerKey(member.connection.alias, name.worker), id: name.worker };
  gateway.hold(worker.key, { returns });
  try {
    await gateway.drain(worker, { now, signal, narrate });
    return await change(member, { uid, signal, narrate, job });
  } finally {
    gateway.release(worker.key);
  }
};
