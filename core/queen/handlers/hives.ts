/** Hives: starting and stopping them here and on other machines, their logs, and SSH tests. */
import { localAlias } from '../../config/hive-entry.ts';
import type { HiveView } from '../../contract/api/queen-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { type RemoteCall, remoteCall } from '../provision/machine.ts';
import { hiveLog } from '../supervise/hive-spec.ts';
import type { Handler, QueenServices } from './services.ts';

const defaultLogLines = 100;

export const hiveStart = (services: QueenServices): Handler<'hive_start'> => changeHive(services, 'start');

/** Its workers keep running. */
export const hiveStop = (services: QueenServices): Handler<'hive_stop'> => changeHive(services, 'stop');

export const hiveRestart = (services: QueenServices): Handler<'hive_restart'> => changeHive(services, 'restart');

export const hiveSshTest =
  (services: QueenServices): Handler<'hive_ssh_test'> =>
  async (input, context) => {
    if (input.hive === localAlias) throw notOverSsh(input.hive, 'tested', 'check it with: rbee doctor');
    return machinesOf(services).sync.sshTest(input, context);
  };

export const hiveLogs =
  (services: QueenServices): Handler<'hive_logs'> =>
  async (input, context) => {
    const { hive: alias, lines = defaultLogLines } = input;
    if (alias === localAlias) throw notOverSsh(alias, 'read', 'its log is on this machine: rbee queen logs');
    const hive = machinesOf(services).hives.must(alias);
    return hive.agents.useIfInstalled(remoteCall(input, context), async (agent) => {
      if (!agent) throw RbeeError.of('HIVE_NOT_INSTALLED', { hive: alias });
      const file = hiveLog(agent.hello.paths);
      return { hive: alias, file, lines: await agent.call('tail', [file, lines], context.signal) };
    });
  };

/** Errors: REMOTE_HIVES_DISABLED. */
export const machinesOf = ({ machines }: Pick<QueenServices, 'machines'>): NonNullable<QueenServices['machines']> => {
  if (!machines) throw RbeeError.of('REMOTE_HIVES_DISABLED', {});
  return machines;
};

const notOverSsh = (hive: string, action: string, hint: string): RbeeError =>
  RbeeError.of('HIVE_IS_LOCAL', { hive, action, hint });

type Change = 'start' | 'stop' | 'restart';

interface ChangeInput {
  hive: string;
  agent?: string;
  acceptNewHostKeys?: boolean;
}

const changeHive =
  (services: QueenServices, change: Change) =>
  async (input: ChangeInput, context: JobContext): Promise<HiveView> => {
    const member = services.fleet.member(input.hive);
    await changeable(services, input.hive, change)[change](remoteCall(input, context));
    return member.views.hive;
  };

/** The local or remote hive of this name. A hive inside the queen's process starts and stops with the queen only. */
const changeable = (
  { fleet, localHive, machines }: QueenServices,
  hive: string,
  change: Change,
): Record<Change, (call: RemoteCall) => Promise<void>> => {
  const { mode } = fleet.member(hive).connection;
  const remote = mode === 'ssh' ? machines?.hives.get(hive) : undefined;
  if (remote) return remote;
  if (localHive?.alias === hive && !localHive.isAttached) return localHive;
  const action = { start: 'started', stop: 'stopped', restart: 'restarted' }[change];
  const command = change === 'stop' ? 'stop' : 'restart';
  if (mode === 'attached') throw RbeeError.of('HIVE_ATTACHED', { hive, action, command });
  throw RbeeError.of('HIVE_NOT_RUNNING', { hive });
};
