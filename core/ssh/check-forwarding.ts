/** Does the machine let us through to its sockets and ports? Of unix sockets sshd only says that it failed, whatever the cause. */
import { RbeeError } from '../contract/errors.ts';
import type { AgentClient } from './agent-client.ts';
import type { SshConnection } from './connection.ts';

/** Errors: SSH_FORWARDING_REFUSED, SSH_CONNECTION_LOST. */
export const checkForwarding = async (
  connection: SshConnection,
  agent: AgentClient,
  signal?: AbortSignal,
): Promise<void> => {
  const { socketPath, port } = await agent.call('openDoors', [], signal);
  const dials = await Promise.allSettled([connection.dialSocket(socketPath), connection.dialPort(port)]);
  for (const dial of dials) if (dial.status === 'fulfilled') dial.value.destroy();
  for (const [nth, dial] of dials.entries()) {
    if (dial.status === 'fulfilled') continue;
    if (dial.reason instanceof RbeeError) throw dial.reason;
    // Somebody listens there: it is the way that is closed.
    const what = nth === 0 ? 'its sockets' : 'its ports';
    throw RbeeError.of('SSH_FORWARDING_REFUSED', { hive: connection.name, what }, { cause: dial.reason });
  }
};
