/** Watches a ready process, and when it has ended restarts it, gives up, or leaves it stopped. */
import { cannotStart, type EndReason, type FailureStory, mayBeKilled } from './failure.ts';
import type { ProcessRun } from './process-run.ts';
import type { ProcessState } from './process-state.ts';
import { afterEnd, type EndKind, recentEnds } from './restart-policy.ts';

export const watchExit = (managed: ProcessState, run: ProcessRun): void => {
  void run.exited.then((exit) => lostLater(managed, run, { kind: 'ended', exit }));
};

export const watchLive = (managed: ProcessState, run: ProcessRun): void => {
  managed.suspect = false;
  run.watchLive({
    busy: managed.options.busy,
    onSuspicion: (suspect) => {
      managed.suspect = suspect;
      managed.changed();
    },
    onUnhealthy: (problem) => lostLater(managed, run, { kind: 'unhealthy', problem }),
  });
};

const lostLater = (managed: ProcessState, run: ProcessRun, reason: EndReason): void =>
  managed.queue.later(() => handleLost(managed, run, reason));

/** A ready process has ended, or no longer answers. */
export const handleLost = async (managed: ProcessState, run: ProcessRun, reason: EndReason): Promise<void> => {
  if (managed.run !== run || managed.closed) return;
  if (managed.state === 'failed') {
    // An earlier stop failed, and the process has ended since.
    await managed.endRun(run, []);
    return managed.changed();
  }
  managed.move('unhealthy');
  const observed = reason.kind === 'unhealthy' ? { ...reason, frozen: await run.isFrozen() } : reason;
  try {
    await managed.endRun(run, reason.kind === 'unhealthy' ? managed.options.stop.signals : []);
  } catch (error) {
    return managed.fail((await managed.describe(cannotStart(error), run)).failure);
  }
  await recover(managed, observed, managed.describe(observed, run));
};

/** Decides what follows an end. Does not wait for the diagnosis if the restart is immediate anyway. */
export const recover = async (
  managed: ProcessState,
  reason: EndReason,
  story: Promise<FailureStory>,
): Promise<void> => {
  if (reason.kind === 'ended' && reason.exit.code === 0) return await applyPolicy(managed, 'clean', story);
  if (!mayBeKilled(reason)) return await applyPolicy(managed, 'crash', story);
  const { crashes, kills = [] } = managed.record;
  const isFirst = recentEnds([...crashes, ...kills].map(Date.parse), managed.now()).length === 0;
  if (!isFirst || managed.options.policy === 'never') return await applyPolicy(managed, (await story).kind, story);
  // The first end in five minutes is followed by an immediate restart. Only the count needs the diagnosis.
  await applyPolicy(managed, 'kill', story);
  void story.then(({ kind }) => {
    if (kind === 'crash') recountAsCrash(managed);
  });
};

/** The diagnosis shows that what was counted as a kill was a crash. */
const recountAsCrash = (managed: ProcessState): void => {
  const { crashes, kills = [], killed = 0 } = managed.record;
  if (kills.length === 0) return;
  Object.assign(managed.record, { crashes: [...crashes, ...kills], kills: [], killed: killed - 1 });
  managed.recordWriter.saveSoon();
  managed.changed();
};

/** Restarts, stops or gives up, as the restart policy says. */
export const applyPolicy = async (
  managed: ProcessState,
  kind: EndKind,
  story: FailureStory | Promise<FailureStory>,
): Promise<void> => {
  const { policy, id, clock } = managed.options;
  const { record } = managed;
  const next = afterEnd({
    policy,
    kind,
    crashes: record.crashes.map(Date.parse),
    kills: (record.kills ?? []).map(Date.parse),
    now: managed.now(),
    random: (clock?.random ?? Math.random)(),
  });
  if (next.kind === 'stopped') {
    record.wanted = 'stopped';
    managed.move('stopping');
    managed.move('stopped');
    return void managed.recordWriter.saveIfPossible();
  }
  const asText = (at: number) => new Date(at).toISOString();
  Object.assign(record, { crashes: next.crashes.map(asText), kills: next.kills.map(asText) });
  if (next.kind === 'failed') {
    const { failure } = await story;
    const times = `(${next.crashes.length} times in five minutes)`;
    return managed.fail({ ...failure, message: next.loop ? `${failure.message} ${times}` : failure.message });
  }
  if (kind === 'kill') record.killed = (record.killed ?? 0) + 1;
  record.restarts += 1;
  managed.move('starting');
  void managed.recordWriter.saveIfPossible();
  if (managed.queue.isStopQueued() || managed.closed) return;
  // The diagnosis is for people; the restart does not wait for it.
  void Promise.resolve(story).then(({ failure: { message, hint } }) =>
    managed.narrate({ kind: 'warning', text: `${id}: ${message}; starting it again`, hint }),
  );
  managed.queue.restart(next.delayMs);
};
