/** Starts a process: plans it, spawns it, waits until it is ready, and tries another port when the planned one is taken. */
import { dirname } from 'node:path';
import { sizeOf } from '../fs/file-kind.ts';
import { cleanEnvironment } from '../system/environment.ts';
import { processTable } from '../system/identity.ts';
import { nonceVariable, stateVariable, workerVariable } from '../system/marks.ts';
import { checkProgram } from '../system/preflight.ts';
import { cannotStart, type FailureStory, failureError } from './failure.ts';
import { newRecord } from './new-record.ts';
import type { ProcessPlan } from './process-plan.ts';
import { ProcessRun } from './process-run.ts';
import type { ProcessState } from './process-state.ts';
import { NotReadyError } from './readiness.ts';
import { applyPolicy, handleLost, watchExit, watchLive } from './recovering.ts';
import type { SharedStart } from './shared-start.ts';
import { runWake } from './sleeping.ts';

/** Ports to try in one start before giving up. */
const maxPorts = 5;

/** Makes the process ready from whatever state it is in. Throws WORKER_FAILED, CANCELLED, or what `plan` threw. */
export const runStart = async (managed: ProcessState, start: SharedStart): Promise<void> => {
  const { id, stop } = managed.options;
  // The restart policy queued this start, but the process has since been stopped or deleted.
  if (start.background && managed.record.wanted === 'stopped') return;
  // The process has ended, but the queue has not reached the work that handles it.
  const ended = managed.run;
  if (ended?.exit && (managed.state === 'ready' || managed.state === 'sleeping')) {
    await handleLost(managed, ended, { kind: 'ended', exit: ended.exit });
  }
  if (managed.run && (managed.state === 'ready' || managed.state === 'loading')) {
    // Loading: it was adopted before it was ready, so only the wait is left.
    const story = managed.state === 'loading' ? await awaitReady(managed, managed.run, start) : null;
    if (story === null) return;
    await handleFailedStart(managed, true, story);
    throw failureError(id, story.failure);
  }
  if (managed.run && managed.state === 'sleeping') {
    await runWake(managed, (event) => start.narrate(event), managed.skipSleep.signal);
    start.narrate({ kind: 'done', id: managed.step, text: `${id} is awake` });
    return;
  }
  // A start requested during crash recovery still belongs to the policy: its failures keep counting.
  const recovers = start.background || managed.state === 'starting';
  if (!recovers) Object.assign(managed.record, { crashes: [], kills: [] });
  // A process that could not be stopped must not run beside its successor.
  if (managed.run) await managed.endRun(managed.run, stop.signals);
  else await managed.endLeftovers();
  await startOnFreePort(managed, start, recovers);
};

const startOnFreePort = async (managed: ProcessState, start: SharedStart, recovers: boolean): Promise<void> => {
  const { id } = managed.options;
  const takenPorts: number[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const story = await tryStart(managed, start, recovers, attempt, takenPorts);
    if (story === null) return;
    const port = managed.record.plan?.port ?? null;
    if (story.failure.cause !== 'port_in_use' || port === null || attempt >= maxPorts) {
      await handleFailedStart(managed, recovers, story);
      throw failureError(id, story.failure);
    }
    takenPorts.push(port);
    managed.narrate({ kind: 'info', text: `${id}: another program took port ${port}, trying another port` }, start);
  }
};

/** Null when the process became ready. Throws what `plan` threw, and the abort reason. */
const tryStart = async (
  managed: ProcessState,
  start: SharedStart,
  recovers: boolean,
  attempt: number,
  takenPorts: readonly number[],
): Promise<FailureStory | null> => {
  const { crashes, kills, restarts, killed, kept } = managed.record;
  managed.record = { ...newRecord(managed.options), crashes, kills, restarts, killed, kept };
  managed.reported = Promise.withResolvers();
  managed.progress = null;
  managed.move('starting');
  const { readyToken } = managed.record;
  let plan: ProcessPlan;
  try {
    plan = await managed.options.plan({ attempt, readyToken, takenPorts, signal: start.signal });
  } catch (error) {
    if (start.signal.aborted) return await endAborted(managed, null, start);
    await handleFailedStart(managed, recovers, await managed.describe(cannotStart(error)));
    throw error;
  }
  Object.assign(managed.record, { plan, port: plan.port });
  if (start.signal.aborted) {
    managed.freePort(plan);
    return await endAborted(managed, null, start);
  }
  const run = await spawn(managed, plan).catch(async (error) => {
    managed.freePort(plan);
    return await managed.describe(cannotStart(error));
  });
  return run instanceof ProcessRun ? await awaitReady(managed, run, start) : run;
};

const spawn = async (managed: ProcessState, plan: ProcessPlan): Promise<ProcessRun> => {
  const { options, runner, record } = managed;
  const { id, logFile, limits, state, resolveEnv } = options;
  const { nonce } = record;
  const marks = {
    [nonceVariable]: nonce,
    [workerVariable]: id,
    ...(state !== undefined && { [stateVariable]: state }),
  };
  const resolved = (await resolveEnv?.(plan.env)) ?? plan.env;
  const env = cleanEnvironment(options.env, { ...resolved, ...marks });
  // This is also the default working folder.
  await runner.mkdir(dirname(logFile));
  const program = await checkProgram(plan.argv[0] ?? '', { path: env['PATH'], cwd: plan.cwd });
  if (!program.ok) throw Object.assign(new Error(program.problem), { hint: program.hint });
  const { argv, folder } = await managed.confiner.confine(plan.argv, { name: id, nonce, limits, env });
  const from = (await sizeOf(logFile)) ?? 0;
  Object.assign(record, { logFrom: from, groupFolder: folder });
  record.bootId = await (await processTable()).bootId();
  // Saved before the spawn: if this owner dies now, the next one finds the process by its nonce.
  await managed.recordWriter.save();
  managed.mayBeLeft = true;
  const { pid, exited } = await runner.spawnDetached(argv, { env, cwd: plan.cwd, logFile });
  const identity = (await runner.identity(pid)) ?? { pid, startTime: '', bootId: record.bootId, group: pid };
  Object.assign(record, { pid, startTime: identity.startTime, spawnedAt: managed.timestamp() });
  const log = { file: logFile, from };
  const run = new ProcessRun({ id, runner, identity, plan, log, nonce, group: managed.group, exited });
  managed.run = run;
  managed.move('loading');
  managed.recordWriter.saveSoon();
  return run;
};

/** Null when the process became ready. */
const awaitReady = async (managed: ProcessState, run: ProcessRun, start: SharedStart): Promise<FailureStory | null> => {
  const { options, step: id } = managed;
  managed.reported ??= Promise.withResolvers();
  const reported = managed.reported.promise;
  const onProgress = (progress: number) => {
    managed.progress = progress;
    managed.narrate({ kind: 'progress', id, done: Math.round(progress * 100), total: 100, unit: '%' }, start);
    managed.changed();
  };
  managed.narrate({ kind: 'step', id, text: `${options.id}: loading (pid ${run.identity.pid})` }, start);
  try {
    await run.waitReady({ reported, onProgress, signal: start.signal });
  } catch (error) {
    if (!(error instanceof NotReadyError)) return await endAborted(managed, run, start);
    const hasExited = error.reason.kind === 'exited';
    await managed.endRun(run, hasExited ? [] : options.stop.signals);
    return await managed.describe(error.reason, run);
  }
  managed.progress = null;
  const { record } = managed;
  record.readyAt = managed.timestamp();
  record.kept = true;
  managed.move('ready');
  const ms = Date.parse(record.readyAt) - Date.parse(record.spawnedAt ?? record.readyAt);
  const where = record.port === null ? '' : ` on port ${record.port}`;
  managed.narrate({ kind: 'done', id, text: `${options.id} is ready${where}`, ms }, start);
  watchExit(managed, run);
  watchLive(managed, run);
  // Callers learn that it is ready only once the next owner would learn it too.
  await managed.recordWriter.saveIfPossible();
  return null;
};

/** The last caller has left. If the owner itself is closed, the process stays. */
const endAborted = async (managed: ProcessState, run: ProcessRun | null, start: SharedStart): Promise<never> => {
  if (!managed.closed) {
    managed.move('stopping');
    if (run) await managed.endRun(run, managed.options.stop.signals);
    managed.record.wanted = 'stopped';
    managed.reported = null;
    managed.move('stopped');
    void managed.recordWriter.saveIfPossible();
  }
  throw start.signal.reason;
};

/** The policy also retries a start that was killed from outside: the kill says nothing about the process. */
const handleFailedStart = async (managed: ProcessState, recovers: boolean, story: FailureStory): Promise<void> => {
  if (recovers || story.kind === 'kill') await applyPolicy(managed, story.kind, story);
  else managed.fail(story.failure);
};
