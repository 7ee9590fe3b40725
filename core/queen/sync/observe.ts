/** Observes a machine: asks its hive if one is running, otherwise looks over SSH. Changes nothing there. */

import type { ObservedHive } from '../../contract/api/sync.ts';
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import { AgentClient } from '../../ssh/agent-client.ts';
import { absentHive, onlineHive, stoppedHive, unreachableHive } from '../../sync/observed.ts';
import type { HiveClient } from '../fleet/hive-connection.ts';
import { installedOn } from '../link/bring-agent.ts';
import type { MachineStore } from '../link/machine-store.ts';
import type { RemoteCall } from '../provision/machine.ts';
import type { RemoteHive } from '../supervise/remote-hive.ts';

/** An unreachable or unsuitable machine is a result, not an error. Throws only when cancelled. */
export const observeRemote = async (
  hive: RemoteHive,
  machineStore: MachineStore,
  { removing = false, ...call }: RemoteCall & { removing?: boolean },
): Promise<ObservedHive> => {
  const machine = { alias: hive.alias, hostname: hive.link.target.hostname };
  try {
    await hive.link.reach(call);
    const known = machineStore.get(hive.alias);
    const online = known ? await ask(hive, known.platform, call) : null;
    if (online) return online;
    return await hive.agents.inspect(call, async (agent) => {
      if (!(agent instanceof AgentClient)) {
        const { os, cpu, installed } = agent;
        if (installed === null && !removing) await hive.refuseUnfit(agent, call);
        const platform = `${os}-${cpu}`;
        return installed === null
          ? absentHive(machine, platform)
          : stoppedHive(machine, { version: installed, platform });
      }
      const platform = `${agent.hello.platform.os}-${agent.hello.platform.cpu}`;
      const version = await installedOn(agent);
      if (version === null) return absentHive(machine, platform);
      await hive.daemon.record(agent, version);
      return (await ask(hive, platform, call)) ?? stoppedHive(machine, { version, platform });
    });
  } catch (error) {
    call.signal.throwIfAborted();
    return unreachableHive(machine, asRbeeError(error, `hive ${hive.alias}`).toJSON());
  }
};

/** The hive of this machine. */
export const observeLocal = async (alias: string, client: HiveClient, signal: AbortSignal): Promise<ObservedHive> => {
  const machine = { alias, hostname: 'localhost' };
  try {
    return onlineHive(machine, {
      version: null,
      platform: `${process.platform}-${process.arch}`,
      ...(await tell(client, signal)),
    });
  } catch (error) {
    signal.throwIfAborted();
    return unreachableHive(machine, asRbeeError(error, `hive ${alias}`).toJSON());
  }
};

/** Null if its process does not run. */
const ask = async (hive: RemoteHive, platform: string, { signal }: RemoteCall): Promise<ObservedHive | null> => {
  try {
    const facts = await tell(hive.connection.client, signal);
    hive.onDiscovered(facts.state);
    const machine = { alias: hive.alias, hostname: hive.link.target.hostname };
    return onlineHive(machine, { version: facts.state.build ?? null, platform, ...facts });
  } catch (error) {
    if (error instanceof RbeeError && error.code === 'HIVE_UNREACHABLE') return null;
    throw error;
  }
};

const tell = async (client: HiveClient, signal: AbortSignal) => {
  const [state, { models }, { plugins }] = await Promise.all([
    client.state(signal),
    client.modelList(signal),
    client.plugins('list', {}, { signal }),
  ]);
  return { state, models, plugins };
};
