/** One hive of the fleet: how the queen reaches it, wherever it runs. */
import type { Duplex } from 'node:stream';
import type { PortRange } from '../../contract/ports.ts';
import type { HiveView } from '../../contract/queen-api.ts';
import type { HiveClient } from '../../hive/client.ts';

export type { HiveCall, HiveChange, HiveClient, WorkerCall } from '../../hive/client.ts';

export interface HiveConnection {
  readonly alias: string;
  /** May change when a hive is started in another way. */
  mode: HiveView['mode'];
  readonly client: HiveClient;
  /**
   * The ports on which its workers may be asked, as the queen's own configuration says. A hive must not choose: on its
   * machine, or on the queen's, other programs listen on loopback too.
   */
  readonly workerPorts: PortRange;
  /** A socket to a loopback port of its machine; absent for a hive of this one. */
  readonly dial?: (port: number) => Promise<Duplex>;
}
