/** How the queen reaches one hive, wherever the hive runs. */
import type { Duplex } from 'node:stream';
import type { HiveView } from '../../contract/api/queen-api.ts';
import type { PortRange } from '../../contract/ports.ts';
import type { HiveClient } from '../../hive/client.ts';

export type { HiveCall, HiveChange, HiveClient, WorkerCall } from '../../hive/client.ts';

export interface HiveConnection {
  readonly alias: string;
  /** Changes when the hive is started in another way. */
  mode: HiveView['mode'];
  readonly client: HiveClient;
  /**
   * Ports that workers may use, from the queen's configuration. The hive must not choose them: other programs listen on
   * loopback too, on its machine and on the queen's.
   */
  readonly workerPorts: PortRange;
  /** Dials a loopback port of its machine. Absent for the local hive. */
  readonly dial?: (port: number) => Promise<Duplex>;
}
