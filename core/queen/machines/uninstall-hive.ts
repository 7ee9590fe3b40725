/** Takes rbee off a machine: its workers end, its hive goes, and with `purge` everything that it has there. */
import type { HiveWorker } from '../../contract/hive-api.ts';
import { terminate } from '../../lifecycle/terminate.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import { purge } from './purge.ts';
import { installedOn, type RemoteCall, type RemoteHive } from './remote-hive.ts';

export interface UninstallOptions {
  /** Also models, plugins, logs and settings. */
  purge: boolean;
  /** Drains and deletes a worker. */
  deleteWorker: (worker: HiveWorker) => Promise<unknown>;
}

/**
 * What is not there is no error. The agent that did it goes on, so that the lease can be given back; end it with `leave`.
 */
export const uninstallHive = (hive: RemoteHive, options: UninstallOptions, call: RemoteCall): Promise<void> =>
  hive.onPurpose(async () => {
    const { narrate, signal } = call;
    await hive.withAgentIfThere(call, async (agent) => {
      if (agent) await endAll(hive, agent, options, call);
    });
    hive.member.bare('it was removed: run rbee sync to have it again');
    const text = options.purge ? 'removing rbee and all that it has there' : 'removing rbee';
    narrate({ kind: 'step', id: 'remove', text });
    if (options.purge) await purge(await hive.reach(call), signal);
    else await hive.withAgentIfThere(call, async (agent) => agent && removeProgram(agent, signal));
    narrate({ kind: 'done', id: 'remove', text: 'removed' });
  });

const endAll = async (
  hive: RemoteHive,
  agent: AgentClient,
  { deleteWorker }: UninstallOptions,
  { narrate, signal }: RemoteCall,
): Promise<void> => {
  const installed = await installedOn(agent);
  if (installed !== null && (await hive.daemon(agent, installed).status()).status === 'running') {
    await hive.online(signal);
    for (const worker of [...hive.member.workers.values()]) await deleteWorker(worker);
    await hive.daemon(agent, installed).stop({ narrate, signal });
  }
  await endRest(agent, signal);
};

/** First what tells that it is installed, last what the agent itself runs from. */
const removeProgram = async (agent: AgentClient, signal: AbortSignal): Promise<void> => {
  const { data } = agent.hello.paths;
  await agent.call('remove', [`${data}/current`], signal);
  for (const name of ['versions', 'uploads', 'agent', 'runtimes']) {
    await agent.call('removeTree', [`${data}/${name}`], signal);
  }
};

/** Workers whose hive does not run any more, by their run records. */
const endRest = async (agent: AgentClient, signal: AbortSignal): Promise<void> => {
  const { runs } = agent.hello.paths;
  const runner = sshRunner(agent, () => Promise.reject(new Error('nothing is uploaded here')));
  for (const name of await agent.call('list', [runs], signal)) {
    const nonce = name.endsWith('.json') ? nonceIn(await agent.call('read', [`${runs}/${name}`], signal)) : null;
    if (nonce === null) continue;
    // Only what still carries its nonce is ours.
    for (const found of await agent.call('findByEnvironment', ['RBEE_RUN_NONCE', nonce], signal)) {
      const signals = [{ signal: 'SIGTERM', graceMs: 5_000 }] as const;
      await terminate(runner, found, { name: name.replace(/\.json$/, ''), signals });
    }
    await agent.call('remove', [`${runs}/${name}`], signal);
  }
};

/** Null for a record that is damaged: it must not keep rbee on the machine. */
const nonceIn = (text: string | null): string | null => {
  try {
    const { nonce } = JSON.parse(text ?? '{}') as { nonce?: unknown };
    return typeof nonce === 'string' && nonce !== '' ? nonce : null;
  } catch {
    return null;
  }
};
