/** What the handlers of operations depend on. */
import type { Paths } from '../../config/paths.ts';
import type { OperationInput, OperationName } from '../../contract/api/operations.ts';
import type { FleetStatus } from '../../contract/api/queen-api.ts';
import type { KeyRing } from '../../gateway/access/key-ring.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { OperationResult } from '../client/results.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Provision } from '../provision/provision.ts';
import type { QueenSecrets } from '../secrets/queen-secrets.ts';
import type { LocalHive } from '../supervise/local-hive.ts';
import type { Machines } from '../sync/make-machines.ts';

export interface QueenServices {
  fleet: Fleet;
  gateway: Gateway;
  provision: Provision;
  /** Absent if the queen was started with hives of its caller. */
  localHive?: LocalHive;
  /** Other machines; absent likewise. */
  machines?: Pick<Machines, 'hives' | 'sync'>;
  status: () => FleetStatus;
  secrets: QueenSecrets;
  keys: KeyRing;
  audit: AuditLog;
  paths: Pick<Paths, 'config' | 'isChosen'>;
}

export type Handler<Name extends OperationName> = (
  input: OperationInput<Name>,
  context: JobContext,
) => Promise<OperationResult<Name>>;

export type Handlers = { [Name in OperationName]: Handler<Name> };
