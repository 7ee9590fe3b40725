/** Removes rbee from a machine: its workers, its hive, and with `purge` all its files. */

import { printedLines } from '../../boundary/printed-lines.ts';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { nonceVariable, stateVariable, workerVariable } from '../../lifecycle/system/marks.ts';
import { endStrays } from '../../lifecycle/terminate/strays.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import { runScript } from '../../ssh/script.ts';
import { sshRunner } from '../../ssh/ssh-runner.ts';
import { installedOn } from '../link/bring-agent.ts';
import type { RemoteCall } from '../provision/machine.ts';
import type { RemoteHive } from './remote-hive.ts';

export interface UninstallOptions {
  /** Also models, plugins, logs and settings. */
  purge: boolean;
  /** Drains and deletes a worker. */
  deleteWorker: (worker: HiveWorker) => Promise<unknown>;
}

/** Does nothing if rbee is not installed. The agent stays, because releasing the lease needs it; close it afterwards. */
export const uninstallHive = (hive: RemoteHive, options: UninstallOptions, call: RemoteCall): Promise<void> =>
  hive.exclusively(async () => {
    const { narrate, signal } = call;
    await hive.agents.useIfInstalled(call, async (agent) => {
      if (agent) await endAll(hive, agent, options, call);
    });
    hive.member.markBare('it was removed: run rbee sync to install it again');
    const text = options.purge ? 'removing rbee and all its data' : 'removing rbee';
    narrate({ kind: 'step', id: 'remove', text });
    if (options.purge) await purge(await hive.link.reach(call), signal);
    else await hive.agents.useIfInstalled(call, async (agent) => agent && removeProgram(agent, signal));
    narrate({ kind: 'done', id: 'remove', text: 'removed' });
  });

const endAll = async (
  hive: RemoteHive,
  agent: AgentClient,
  { deleteWorker }: UninstallOptions,
  { narrate, signal }: RemoteCall,
): Promise<void> => {
  const installed = await installedOn(agent);
  if (installed !== null && (await hive.daemon.of(agent, installed).status()).status === 'running') {
    await hive.online(signal);
    for (const worker of [...hive.member.workers.values()]) await deleteWorker(worker);
    await hive.daemon.of(agent, installed).stop({ narrate, signal });
  }
  await endRest(agent, signal);
};

/** Removes `current` first, because it marks rbee as installed, and last what the agent itself runs from. */
const removeProgram = async (agent: AgentClient, signal: AbortSignal): Promise<void> => {
  const { data } = agent.hello.paths;
  await agent.call('remove', [`${data}/current`], signal);
  for (const name of ['versions', 'uploads', 'agent', 'runtimes']) {
    await agent.call('removeTree', [`${data}/${name}`], signal);
  }
};

const graceMs = 5_000;

/** Ends workers whose hive no longer runs, found by run records and by the environment of processes. */
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

/** Null for an unreadable record: its process is found by its environment instead. */
const nonceIn = (text: string): string | null => {
  try {
    const { nonce } = JSON.parse(text) as { nonce?: unknown };
    return typeof nonce === 'string' && nonce !== '' ? nonce : null;
  } catch {
    return null;
  }
};

/** Removes all folders of rbee. A plain `sh` script, because the agent may be gone. Errors: HOST_COMMAND_FAILED, SSH_*. */
const purge = async (connection: SshConnection, signal: AbortSignal): Promise<void> => {
  const { code, stderr } = await runScript(connection, purgeScript, { signal });
  if (code === 0) return;
  const problem = printedLines(stderr)[0] ?? `it ended with exit code ${code}`;
  throw RbeeError.of('HOST_COMMAND_FAILED', { hive: connection.name, what: 'the removal of its folders', problem });
};

const purgeScript = `
[ -n "\${HOME-}" ] || HOME=$(cd ~ 2>/dev/null && pwd)
if [ -n "\${RBEE_HOME-}" ]; then
  rm -rf "$RBEE_HOME/data" "$RBEE_HOME/state" "$RBEE_HOME/cache" "$RBEE_HOME/config" || exit 73
else
  [ -n "$HOME" ] || { echo 'it has no home folder' >&2; exit 73; }
  rm -rf "\${XDG_DATA_HOME:-$HOME/.local/share}/rbee" "\${XDG_STATE_HOME:-$HOME/.local/state}/rbee" \\
    "\${XDG_CACHE_HOME:-$HOME/.cache}/rbee" "\${XDG_CONFIG_HOME:-$HOME/.config}/rbee" || exit 73
fi`;
