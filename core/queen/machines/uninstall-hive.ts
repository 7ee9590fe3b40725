/** Takes rbee off a machine: its workers end, its hive goes, and with `purge` everything that it has there. */
import type { HiveWorker } from '../../contract/hive-api.ts';
import { nonceVariable, stateVariable, workerVariable } from '../../lifecycle/system/marks.ts';
import { endStrays } from '../../lifecycle/terminate/strays.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import type { RemoteCall } from '../provision/machine.ts';
import { purge } from './purge.ts';
import { installedOn, type RemoteHive } from './remote-hive.ts';

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

const graceMs = 5_000;

/** What is left of workers whose hive does not run any more: by their run records, and by what engines carry themselves. */
const endRest = async (agent: AgentClient, signal: AbortSignal): Promise<void> => {
  const { runs, state } = agent.hello.paths;
  const runner = sshRunner(agent, () => Promise.reject(new Error('nothing is uploaded here')));
  const names = await agent.call('list', [runs], signal);
  const left = new Map<string, string>();
  for (const file of names.filter((name) => name.endsWith('.json'))) {
    const text = await agent.call('read', [`${runs}/${file}`], signal);
    const nonce = text === null ? null : nonceIn(text);
    if (nonce !== null) left.set(nonce, file.replace(/\.json$/, ''));
  }
  for (const { pid } of await agent.call('findByEnvironment', [stateVariable, state], signal)) {
    const environment = (await agent.call('environment', [pid], signal)) ?? [];
    const mark = (name: string) => environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
    const nonce = mark(nonceVariable);
    if (nonce) left.set(nonce, mark(workerVariable) ?? 'a worker');
  }
  for (const [nonce, name] of left) {
    await endStrays(runner, { name, nonce, signals: [{ signal: 'SIGTERM', graceMs }] });
  }
  for (const file of names) await agent.call('remove', [`${runs}/${file}`], signal);
};

/** Null for a record that cannot be read: its engine is found by what it carries. */
const nonceIn = (text: string): string | null => {
  try {
    const { nonce } = JSON.parse(text) as { nonce?: unknown };
    return typeof nonce === 'string' && nonce !== '' ? nonce : null;
  } catch {
    return null;
  }
};
