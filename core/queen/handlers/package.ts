/** What concerns whole machines: hives.conf and its sync, and the hives that are reached over SSH. */
import { RbeeError } from '../../contract/errors.ts';
import type { OperationInput, OperationName } from '../../contract/operations.ts';
import type { OperationResult } from '../client/results.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { localAlias } from '../local-hive.ts';
import type { Machines } from '../machines/machines.ts';
import type { Handler, Parts } from './parts.ts';

type ActionOf<Name> = Name extends `package_${infer Action}` ? Action : never;
type PackageAction = ActionOf<OperationName>;

type Call<Action extends PackageAction> = (
  input: OperationInput<`package_${Action}`>,
  context: JobContext,
) => Promise<OperationResult<`package_${Action}`>>;

export const onMachines =
  <Action extends PackageAction>(parts: Parts, action: Action): Call<Action> =>
  async (input, context) => {
    const machines: { [Name in PackageAction]: Call<Name> } = machinesOf(parts);
    return machines[action](input, context);
  };

export const hiveSshTest =
  (parts: Parts): Handler<'hive_ssh_test'> =>
  async (input, context) => {
    if (input.hive === localAlias) throw overSsh(input.hive, 'tested', 'look at it with: rbee doctor');
    return machinesOf(parts).sshTest(input, context);
  };

export const hiveLogs =
  (parts: Parts): Handler<'hive_logs'> =>
  async (input, context) => {
    if (input.hive === localAlias) throw overSsh(input.hive, 'read', 'what it says is here: rbee queen logs');
    return machinesOf(parts).logs(input, context);
  };

const machinesOf = ({ machines }: Parts): Machines => {
  if (!machines) throw RbeeError.of('MACHINES_UNAVAILABLE', {});
  return machines;
};

const overSsh = (hive: string, action: string, hint: string): RbeeError =>
  RbeeError.of('HIVE_LOCAL', { hive, action, hint });
