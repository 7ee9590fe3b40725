/** Hives: starting and stopping them here and on other machines, their logs, and the way to them. */
import { localAlias } from '../../config/hive-entry.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { LocalHive } from '../local-hive.ts';
import type { SshMachines } from '../machines/ssh-machines.ts';
import type { Handler, Parts } from './parts.ts';

export const hiveStart =
  (parts: Parts): Handler<'hive_start'> =>
  async (input, context) => {
    const member = parts.fleet.member(input.hive);
    await ownerOf(parts, input.hive, 'start').start(input, context);
    return member.views.hive;
  };

export const hiveStop =
  (parts: Parts): Handler<'hive_stop'> =>
  async (input, context) => {
    const member = parts.fleet.member(input.hive);
    await ownerOf(parts, input.hive, 'stop').stop(input, context);
    return member.views.hive;
  };

export const hiveRestart =
  (parts: Parts): Handler<'hive_restart'> =>
  async (input, context) => {
    const member = parts.fleet.member(input.hive);
    await ownerOf(parts, input.hive, 'restart').restart(input, context);
    return member.views.hive;
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

/** Errors: REMOTE_HIVES_DISABLED. */
export const machinesOf = ({ machines }: Pick<Parts, 'machines'>): SshMachines => {
  if (!machines) throw RbeeError.of('REMOTE_HIVES_DISABLED', {});
  return machines;
};

const overSsh = (hive: string, action: string, hint: string): RbeeError =>
  RbeeError.of('HIVE_IS_LOCAL', { hive, action, hint });

type Command = 'start' | 'stop' | 'restart';
type Owner = Pick<SshMachines, Command>;

/** Who reaches the machine of a hive. A hive inside the queen's own process lives and ends with it. */
const ownerOf = ({ fleet, localHive, machines }: Parts, hive: string, command: Command): Owner => {
  const { mode } = fleet.member(hive).connection;
  if (mode === 'ssh' && machines?.has(hive)) return machines;
  if (localHive?.alias === hive && !localHive.isAttached) return here(localHive);
  const action = { start: 'started', stop: 'stopped', restart: 'restarted' }[command];
  const instead = command === 'stop' ? 'stop' : 'restart';
  if (mode === 'attached') throw RbeeError.of('HIVE_ATTACHED', { hive, action, command: instead });
  throw RbeeError.of('HIVE_NOT_RUNNING', { hive });
};

const here = (hive: LocalHive): Owner => ({
  start: (_, { narrate, signal }) => hive.start({ narrate, signal }),
  stop: (_, { narrate, signal }) => hive.stop({ narrate, signal }),
  restart: (_, { narrate, signal }) => hive.restart({ narrate, signal }),
});
