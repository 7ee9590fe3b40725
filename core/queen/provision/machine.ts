/** A machine that is reached over SSH, as far as installing something on it needs to know. */
import type { Narrate } from '../../contract/api/narration.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import type { Asker } from '../../ssh/pool.ts';
import type { HiveClient } from '../fleet/hive-connection.ts';
import type { JobContext } from '../jobs/jobs.ts';

/** On whose behalf a machine is reached: who answers questions, and who gets the narration. */
export interface RemoteCall extends Asker {
  signal: AbortSignal;
  narrate: Narrate;
  /** Use cached downloads only. */
  offline?: boolean;
}

export const remoteCall = (
  { agent, acceptNewHostKeys }: Pick<RemoteCall, 'agent' | 'acceptNewHostKeys'>,
  { narrate, signal, ask }: Pick<JobContext, 'narrate' | 'signal' | 'ask'>,
): RemoteCall => ({ agent, acceptNewHostKeys, narrate, signal, ask });

export interface Machine {
  readonly alias: string;
  readonly connection: { readonly client: HiveClient };
  /** Works with an agent on the machine. Errors: SSH_*, HOST_*, UPLOAD_FAILED. */
  withAgent<Result>(call: RemoteCall, work: (agent: AgentClient) => Promise<Result>): Promise<Result>;
  /** Uploads a file of this machine; `what` names it in narration. */
  upload(file: string, path: string, what: string, call: RemoteCall): Promise<void>;
}
