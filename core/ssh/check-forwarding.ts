/** Does the machine let us through to its sockets and ports? Of unix sockets sshd only says that it failed, whatever the cause. */
import { RbeeError } from '../contract/errors.ts';
import type { AgentClient } from './agent-client.ts';
import type { SshConnection } from './connection.ts';

/** Without ports there is no way to workers. Errors: SSH_FORWARDING_REFUSED, SSH_CONNECTION_LOST. */
export const checkForwarding = async (
  connection: SshConnection,
  agent: AgentClient,
  signal?: AbortSignal,
): Promise<{ toSockets: boolean }> => {
  const { socketPath, port } = await agent.call('openDoors', [], signal);
  const [socket, loopback] = await Promise.allSettled([connection.dialSocket(socketPath), connection.dialPort(port)]);
  for (const dial of [socket, loopback]) {
    if (dial.status === 'fulfilled') dial.value.destroy();
    else if (dial.reason instanceof RbeeError && dial.reason.code !== 'SSH_FORWARDING_REFUSED') throw dial.reason;
  }
  // Somebody listens there: it is the way that is closed.
  if (loopback.status === 'fulfilled') return { toSockets: socket.status === 'fulfilled' };
  const what = 'its ports';
  throw RbeeError.of('SSH_FORWARDING_REFUSED', { hive: connection.name, what }, { cause: loopback.reason });
};
