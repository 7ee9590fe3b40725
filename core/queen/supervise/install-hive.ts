/**
 * Installs rbee on a machine beside the present version, switches to it atomically, and rolls back if the new hive
 * fails.
 */
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import type { AppBundle } from '../../delivery/app.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import { startStory } from '../client/start-log.ts';
import { installedOn } from '../link/bring-agent.ts';
import type { RemoteCall } from '../provision/machine.ts';
import { hiveLog } from './hive-spec.ts';
import type { RemoteHive } from './remote-hive.ts';

export interface InstallOptions {
  app: AppBundle;
  /** Start the hive afterwards. A running hive is restarted in any case. */
  start: boolean;
  /** Timeout in milliseconds for the new hive to answer. */
  healthMs: number;
  /** Unpack it even if it is already there. */
  force?: boolean;
}

/** Errors: HIVE_ROLLED_BACK, START_FAILED, and any from uploading. */
export const installHive = (hive: RemoteHive, options: InstallOptions, call: RemoteCall): Promise<void> =>
  hive.exclusively(() => hive.withAgent(call, (agent) => installWith(hive, agent, options, call)));

const installWith = async (
  hive: RemoteHive,
  agent: AgentClient,
  { app, start, healthMs, force = false }: InstallOptions,
  call: RemoteCall,
): Promise<void> => {
  const { signal } = call;
  const { data } = agent.hello.paths;
  const place = `${data}/versions/${app.id}`;
  const before = await installedOn(agent);
  const again = force && before === app.id;
  const archive = `${data}/uploads/${app.sha256}.tar.zst`;
  const unpack = async (until?: AbortSignal) => {
    await agent.call('unpack', [{ archive, sha256: app.sha256, folder: place }], until);
    await agent.call('remove', [archive]);
  };
  const isThere = (await agent.call('list', [place], signal)).length > 0;
  if (!isThere || force) await hive.upload(app.file, archive, `rbee ${app.version}`, call);
  if (isThere && force && !again) await agent.call('removeTree', [place], signal);
  if ((!isThere || force) && !again) await unpack(signal);
  const wasRunning = before !== null && (await isRunning(hive, agent, before));
  signal.throwIfAborted();
  // From here on, ignore cancelling: it would leave the machine between two versions.
  const through: RemoteCall = { ...call, signal: AbortSignal.timeout(switchMs + healthMs) };
  const lastLogged = await lastEntry(agent);
  if (wasRunning && before !== null) await hive.daemon.of(agent, before).stop(through);
  if (again) {
    // Remove the link first: if this is interrupted, an incomplete version must not look installed.
    await agent.call('remove', [`${data}/current`]);
    await agent.call('removeTree', [place]);
    await unpack();
  }
  await agent.call('switchLink', [`${data}/current`, `versions/${app.id}`]);
  await hive.daemon.record(agent, app.id);
  if (!start && !wasRunning) {
    hive.member.stop('it was not started yet');
    return;
  }
  try {
    await becomeHealthy(hive, agent, app.id, healthMs, through);
    await hive.keepRunning();
  } catch (error) {
    await goBack(hive, agent, { app, before, wasRunning, lastLogged }, error, through);
  }
  await removeOld(agent, [app.id, before]);
};

const switchMs = 90_000;

const isRunning = async (hive: RemoteHive, agent: AgentClient, installed: string): Promise<boolean> => {
  const { status } = await hive.daemon.of(agent, installed).status();
  return status === 'running' || status === 'failed';
};

const becomeHealthy = async (
  hive: RemoteHive,
  agent: AgentClient,
  installed: string,
  healthMs: number,
  call: RemoteCall,
): Promise<void> => {
  await agent.call('mkdir', [agent.hello.paths.state]);
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(healthMs)]);
  await hive.daemon.run(agent, installed, { ...call, signal });
  // Ask the hive itself: the last heartbeat may be from the old process.
  const state = await hive.connection.client.state(signal);
  const { build } = state;
  if (build !== installed) {
    const problem = `the hive that answers is ${build ?? 'of another installation'}`;
    throw RbeeError.of('START_FAILED', { name: 'hive', problem, hint: `run: rbee hive restart ${hive.alias}` });
  }
  hive.member.update(state);
};

interface Failed {
  app: AppBundle;
  before: string | null;
  wasRunning: boolean;
  /** Time of the last log entry before the switch. */
  lastLogged: number;
}

/** Milliseconds since 1970 by the machine's clock; 0 without a log. */
const lastEntry = async (agent: AgentClient): Promise<number> => {
  const [line = ''] = await agent.call('tail', [hiveLog(agent.hello.paths), 1]);
  return Number(/"time":(\d+)/.exec(line)?.[1] ?? 0);
};

const goBack = async (
  hive: RemoteHive,
  agent: AgentClient,
  { app, before, wasRunning, lastLogged }: Failed,
  cause: unknown,
  call: RemoteCall,
): Promise<never> => {
  const error = asRbeeError(cause, `the start of hive ${hive.alias}`);
  const story = startStory(await agent.call('tail', [hiveLog(agent.hello.paths), 40]), lastLogged + 1);
  const lines = story.lines.slice(-10);
  const problem = story.problem ?? error.message.replace(/^hive did not start: /, '');
  await hive.daemon
    .of(agent, app.id)
    .kill(call)
    .catch(() => {});
  const { data } = agent.hello.paths;
  if (before === null || before === app.id) {
    if (before === null) await agent.call('remove', [`${data}/current`]);
    throw RbeeError.from({ ...error.toJSON(), lines });
  }
  await agent.call('switchLink', [`${data}/current`, `versions/${before}`]);
  await hive.daemon.record(agent, before);
  if (wasRunning) {
    await hive.daemon.of(agent, before).ensureRunning(call);
    await hive.online(call.signal, before).catch(() => {});
    await hive.keepRunning();
  }
  const details = { hive: hive.alias, version: app.id, before, problem };
  throw RbeeError.of('HIVE_ROLLED_BACK', details, { cause: error, lines });
};

/** Keeps the current and the previous version. Removes older ones and leftovers of interrupted installations. */
const removeOld = async (agent: AgentClient, keep: readonly (string | null)[]): Promise<void> => {
  const { data } = agent.hello.paths;
  const removeFrom = async (folder: string, isOld: (name: string) => boolean): Promise<void> => {
    for (const name of await agent.call('list', [folder])) {
      if (isOld(name)) await agent.call('removeTree', [`${folder}/${name}`]);
    }
  };
  await removeFrom(`${data}/versions`, (name) => !name.startsWith('.') && !keep.includes(name));
  await removeFrom(`${data}/runtimes`, (name) => /\.part\.\d+$/.test(name));
};
