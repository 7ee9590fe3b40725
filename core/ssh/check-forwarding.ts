/** Tests whether sshd forwards to unix sockets and ports. For unix sockets, sshd reports every cause as the same failure. */
import { RbeeError } from '../contract/errors.ts';
import type { AgentClient } from './agent-client.ts';
import type { SshConnection } from './connection.ts';

/**
 * The same for ports only, before rbee is installed: sshd reports a forbidden port even if nothing listens there.
 * Errors: SSH_FORWARDING_REFUSED, SSH_CONNECTION_LOST.
 */
export const probeForwarding = async (connection: SshConnection, port: number): Promise<void> => {
  try {
    (await connection.dialPort(port)).destroy();
  } catch (error) {
    if (error instanceof RbeeError) throw error;
  }
};

/** Workers can only be reached through ports. Errors: SSH_FORWARDING_REFUSED, SSH_CONNECTION_LOST. */
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
  // The agent listens there, so forwarding must be disabled.
  if (loopback.status === 'fulfilled') return { toSockets: socket.status === 'fulfilled' };
  const what = 'its ports';
  throw RbeeError.of('SSH_FORWARDING_REFUSED', { hive: connection.name, what }, { cause: loopback.reason });
};
