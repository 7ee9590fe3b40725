/** Takes rbee off a machine: its workers end, its hive goes, and with `purge` everything that it has there. */
import type { HiveWorker } from '../../contract/hive-api.ts';
import { terminate } from '../../lifecycle/terminate.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import { installedOn, type RemoteCall, type RemoteHive } from './remote-hive.ts';

export interface UninstallOptions {
  /** Also models, plugins, logs and settings. */
  purge: boolean;
  /** Drains and deletes a worker. */
  deleteWorker: (worker: HiveWorker) => Promise<unknown>;
}

/** What is not there is no error. */
export const uninstallHive = (
  hive: RemoteHive,
  { purge, deleteWorker }: UninstallOptions,
  call: RemoteCall,
): Promise<void> =>
  hive.onPurpose(async () => {
    await hive.withAgentIfThere(call, async (agent) => {
      if (!agent) return;
      const { narrate, signal } = call;
      const installed = await installedOn(agent);
      if (installed !== null && (await hive.daemon(agent, installed).status()).status === 'running') {
        await hive.online(signal);
        for (const worker of [...hive.member.workers.values()]) await deleteWorker(worker);
        await hive.daemon(agent, installed).stop({ narrate, signal });
      }
      hive.member.stop('it was removed: run rbee sync to have it again');
      await endRest(agent, signal);
      narrate({
        kind: 'step',
        id: 'remove',
        text: purge ? 'removing rbee and all that it has there' : 'removing rbee',
      });
      const { paths } = agent.hello;
      await agent.call('remove', [`${paths.data}/current`], signal);
      const folders = purge
        ? [paths.state, paths.cache, paths.config, `${paths.data}/workers`, `${paths.data}/models`]
        : [];
      for (const folder of ['versions', 'uploads'].map((name) => `${paths.data}/${name}`).concat(folders)) {
        await agent.call('removeTree', [folder], signal);
      }
      // Last what the agent itself runs from.
      const last = purge ? paths.data : `${paths.data}/runtimes`;
      await agent.call('removeTree', [`${paths.data}/agent`], signal);
      await agent.call('removeTree', [last], signal);
      narrate({ kind: 'done', id: 'remove', text: 'removed' });
    });
    // It runs from what is gone.
    hive.leave();
  });

/** Workers whose hive does not run any more, by their run records. */
const endRest = async (agent: AgentClient, signal: AbortSignal): Promise<void> => {
  const { runs } = agent.hello.paths;
  const runner = sshRunner(agent, () => Promise.reject(new Error('nothing is uploaded here')));
  for (const name of await agent.call('list', [runs], signal)) {
    const text = name.endsWith('.json') ? await agent.call('read', [`${runs}/${name}`], signal) : null;
    const record = text === null ? null : (JSON.parse(text) as { pid: number | null; nonce: string });
    if (!record) continue;
    // Only what still carries its nonce is ours.
    for (const found of await agent.call('findByEnvironment', ['RBEE_RUN_NONCE', record.nonce], signal)) {
      const signals = [{ signal: 'SIGTERM', graceMs: 5_000 }] as const;
      await terminate(runner, found, { name: name.replace(/\.json$/, ''), signals });
    }
    await agent.call('remove', [`${runs}/${name}`], signal);
  }
};
