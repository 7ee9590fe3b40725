/** A machine that is reached over SSH, as far as bringing something to it goes. */
import type { Narrate } from '../../contract/narration.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import type { Asker } from '../../ssh/pool.ts';
import type { HiveClient } from '../fleet/hive-connection.ts';

/** Who asks, and who listens. */
export interface RemoteCall extends Asker {
  signal: AbortSignal;
  narrate: Narrate;
  /** Use only what was fetched before. */
  offline?: boolean;
}

export interface Machine {
  readonly alias: string;
  readonly connection: { readonly client: HiveClient };
  /** Works with an agent on the machine. Errors: SSH_*, HOST_*, UPLOAD_FAILED. */
  withAgent<Result>(call: RemoteCall, work: (agent: AgentClient) => Promise<Result>): Promise<Result>;
  /** Uploads a file of this machine; `what` names it in narration. */
  upload(file: string, path: string, what: string, call: RemoteCall): Promise<void>;
}
