/** Agents on test machines, installed directly instead of over the network. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AgentClient } from '../../core/ssh/agent-client.ts';
import { startAgent } from '../../core/ssh/bootstrap.ts';
import type { SshConnection } from '../../core/ssh/connection.ts';
import type { Host } from './machines.ts';

/** As `npm run build` makes it. */
export const agentFile = resolve(import.meta.dirname, '../../core/dist/agent/agent.mjs');
export const agentParts = { runtime: 'node-test', agent: 'test.mjs' };

/** rbee's data folder on the host. */
export const dataOf = (host: Host): string => join(host.home, '.local/share/rbee');
export const nodeOf = (host: Host): string =>
  join(dataOf(host), 'runtimes', `node-test-${process.platform}-${process.arch}`, 'bin/node');

/** Installs this very Node and the agent. */
export const placeAgent = async (host: Host): Promise<void> => {
  const put = (file: string, path: string) => {
    mkdirSync(dirname(host.path(path)), { recursive: true });
    copyFileSync(file, host.path(path));
  };
  put(process.execPath, nodeOf(host));
  put(agentFile, join(dataOf(host), 'agent', agentParts.agent));
  await host.run('chown -R "$(stat -c %u:%g .)" .local', { asRoot: true });
};

export const greetAgent = async (connection: SshConnection): Promise<AgentClient> => {
  const agent = await startAgent(connection, agentParts);
  if (agent instanceof AgentClient) return agent;
  throw new Error(`there is no agent on ${connection.name}`);
};
