/** The runner of another machine: passes every call to the agent there. */
import type { Runner } from '../lifecycle/system/runner.ts';
import type { AgentClient } from './agent-client.ts';

/** `upload` copies a local file there. */
export const sshRunner = (agent: AgentClient, upload: (localPath: string, path: string) => Promise<void>): Runner => ({
  name: `hive ${agent.name}`,
  run: (argv, { signal, ...options }) => agent.call('run', [argv, options], signal),
  spawnDetached: (argv, options) => agent.call('spawnDetached', [argv, options]),
  read: (path) => agent.call('read', [path]),
  tail: (path, lines) => agent.call('tail', [path, lines]),
  write: async (path, data, options) => void (await agent.call('write', [path, data, options])),
  writtenAt: (path) => agent.call('writtenAt', [path]),
  remove: async (path) => void (await agent.call('remove', [path])),
  list: (folder) => agent.call('list', [folder]),
  mkdir: async (folder) => void (await agent.call('mkdir', [folder])),
  upload,
  signal: (target, signal) => agent.call('signal', [target, signal]),
  identity: (pid) => agent.call('identity', [pid]),
  groupMembers: (group) => agent.call('groupMembers', [group]),
  findByEnvironment: (name, value) => agent.call('findByEnvironment', [name, value]),
  environment: (pid) => agent.call('environment', [pid]),
  describe: (pid) => agent.call('describe', [pid]),
  request: ({ signal, ...request }) => agent.call('request', [request], signal),
  lock: async (path, { signal, timeoutMs }) => {
    const lock = await agent.call('lock', [path, { timeoutMs }], signal);
    // A lock that cannot be released is gone with the agent.
    return () => void agent.call('unlock', [lock]).catch(() => {});
  },
});
