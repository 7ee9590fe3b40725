/** Does the machine let us through to its sockets and ports? Of unix sockets sshd only says that it failed, whatever the cause. */
import { RbeeError } from '../contract/errors.ts';
import type { AgentClient } from './agent-client.ts';
import type { SshConnection } from './connection.ts';

/**
 * The same of ports alone, where nothing of rbee is on the machine: sshd says that it forbids a port, whether somebody
 * listens there or not. Errors: SSH_FORWARDING_REFUSED, SSH_CONNECTION_LOST.
 */
export const probeForwarding = async (connection: SshConnection, port: number): Promise<void> => {
  try {
    (await connection.dialPort(port)).destroy();
  } catch (error) {
    if (error instanceof RbeeError) throw error;
  }
};

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
